//! Our buildpack appended to the orders of published builders, and prepended: which process is the
//! default, the command that `reload` starts, and that a single process watches and restarts the
//! app once.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use tempfile::TempDir;

use crate::build::{Build, Image};
use crate::case::{Case, cases, unaware_app};
use crate::command::expect_words;
use crate::container::{Container, RELOAD, TILT};
use crate::orders::{Expected, Order, STATUS_OF_APP};

/// Registers a case for each publisher and order, which its name consists of.
macro_rules! orders {
    ($($name:ident),+ $(,)?) => {
        cases![$($name,)+ no_provider];
        $(fn $name(case: &Case<'_>) -> Result<()> {
            order(case, stringify!($name))
        })+
    };
}

orders![
    paketo_nodejs,
    paketo_nodejs_npm,
    paketo_nodejs_yarn,
    paketo_python,
    paketo_python_poetry,
    paketo_go,
    paketo_java,
    paketo_dotnet_core,
    paketo_php_nginx,
    paketo_ruby,
    heroku_nodejs,
    heroku_python,
    heroku_go,
    heroku_java,
    heroku_php,
    heroku_ruby,
];

/// Our buildpack after an order.
const APPENDED: &str = "--post-buildpack";
/// Our buildpack before an order.
const PREPENDED: &str = "--pre-buildpack";

fn order(case: &Case<'_>, name: &str) -> Result<()> {
    let (publisher, name) = name.split_once('_').unwrap_or_default();
    let (publisher, builder) = case.platform.publisher(publisher)?;
    let order = publisher.order(&name.replace('_', "-"))?;
    let app = app(&order.app)?;
    let positions = [
        (APPENDED, Some(&order.appended)),
        (PREPENDED, order.prepended.as_ref()),
    ];
    for (position, expected) in positions {
        if let Some(expected) = expected {
            let build = build(case, builder, order, app.path());
            let image = build.arguments(&[position, &watchexec(case)]).image()?;
            check(&image, order, expected).context(position)?;
        }
    }
    Ok(())
}

/// Checks the default process of an image, and its `reload`.
fn check(image: &Image<'_>, order: &Order, expected: &Expected) -> Result<()> {
    let default = default_process(image)?;
    ensure!(default == expected.default, "the default is {default}");
    let variables = order.container.iter();
    let variables: Vec<_> = variables
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let options: Vec<&str> = variables.iter().flat_map(|one| ["--env", one]).collect();

    let container = Container::start_with(image, &options)?;
    container.wait_for("v1")?;
    let watchers = expected.watchers.unwrap_or(1);
    if watchers > 0 {
        expect_reload(&container)?;
    }
    expect_watchers(&container, watchers)?;
    if watchers > 0 {
        expect_stop(&container, expected.status.unwrap_or(STATUS_OF_APP))?;
    }
    let ours = expected.log.as_deref();
    if let Some(line) = ours.filter(|_| default == "reload") {
        return expect_log(&container, line);
    }
    drop(container);

    let Some(line) = ours else { return Ok(()) };
    let container = Container::start_with(image, &[&RELOAD[..], &options].concat())?;
    expect_reload(&container)?;
    expect_watchers(&container, 1)?;
    expect_log(&container, line)
}

/// Checks that each of two syncs by the run image's user, into a directory of the build image's
/// user, starts the app once.
pub(super) fn expect_reload(container: &Container<'_>) -> Result<()> {
    container.wait_for("v1")?;
    let user = container.execute(&["id", "-u"])?;
    ensure!(user == "1002", "it runs as {user}");
    container.execute(&["touch", "/tmp/quick"])?;
    let changed = fs::read(unaware_app("v2")?.path().join("app.py"))?;
    container.reload("v2", || {
        container.extract(&TILT, &[("workspace/lib/app.py", &changed)])
    })?;
    // All restarts by the first sync happen before those by the next one. The name of the version
    // is longer, since Python tells by the time and size of the source whether bytecode is current.
    let changed = fs::read(unaware_app("third")?.path().join("app.py"))?;
    container.extract(&TILT, &[("workspace/lib/app.py", &changed)])?;
    container.wait_for("third")?;
    let log = container.log()?;
    let starts =
        ["v1", "v2", "third"].map(|version| log.matches(&format!("started {version}")).count());
    ensure!(
        starts == [1, 1, 1],
        "{starts:?} starts of v1, v2 and third:\n{log}"
    );
    container.execute(&["rm", "/tmp/quick"])?;
    Ok(())
}

fn expect_watchers(container: &Container<'_>, expected: usize) -> Result<()> {
    // As PID 1, watchexec has a second process, which watches nothing.
    let script = "for process in /proc/[0-9]*; do
        ls -l $process/fd | grep -q anon_inode:inotify && cat $process/comm; done; true";
    let watchers = container.execute(&["sh", "-c", script])?;
    let found = watchers.lines().count();
    ensure!(found == expected, "watched by {watchers:?}");
    Ok(())
}

/// Checks the first line of `reload`.
fn expect_log(container: &Container<'_>, line: &str) -> Result<()> {
    let log = container.log()?;
    let first = log.lines().find(|line| line.starts_with("live-reload:"));
    let first = first.with_context(|| format!("no line of live-reload:\n{log}"))?;
    expect_words(first, &[line])
}

/// Stops the default process, and checks that the app has its time to stop, if it ends with the
/// app's status.
fn expect_stop(container: &Container<'_>, expected: i32) -> Result<()> {
    let status = container.stop()?;
    // The app says it after four seconds.
    let log = container.log()?;
    let ended_well = log.contains("goodbye");
    ensure!(
        status == expected && (ended_well || status != STATUS_OF_APP),
        "status {status}:\n{log}"
    );
    Ok(())
}

/// The one reason to prepend: a buildpack requires watchexec, and no other provides it.
fn no_provider(case: &Case<'_>) -> Result<()> {
    let (paketo, builder) = case.platform.publisher("paketo")?;
    let order = paketo.order("nodejs")?;
    let (app, watchexec) = (app(&order.app)?, watchexec(case));
    let build = || build(case, builder, order, app.path());
    let [engine, start] = [
        "paketo-buildpacks/node-engine",
        "paketo-buildpacks/node-start",
    ];
    let log = build().buildpacks(&[engine, start, &watchexec]).failure()?;
    expect_words(
        &log,
        &["paketo-buildpacks/node-start@0.0.0 requires watchexec"],
    )?;
    let image = build().buildpacks(&[&watchexec, engine, start]).image()?;
    expect_reload(&Container::start(&image)?)
}

/// The directory of our buildpack.
fn watchexec(case: &Case<'_>) -> String {
    case.platform.watchexec.to_string_lossy().into_owned()
}

/// The type of the process that a container starts, which the entrypoint of the image names.
fn default_process(image: &Image<'_>) -> Result<String> {
    let engine = &image.case.platform.engine;
    let format = "{{index .Config.Entrypoint 0}}";
    let entrypoint = engine.run(["inspect", "--format", format, &image.name])?;
    Ok(entrypoint.replace("/cnb/process/", ""))
}

/// A build with live reload and the builder of a publisher, for its run image's user.
fn build<'a>(case: &'a Case<'_>, builder: &str, order: &Order, app: &Path) -> Build<'a> {
    let run_image = &case.platform.images.other_user;
    let build = case.build(app).live_reload("true");
    let build = build.arguments(&["--builder", builder, "--run-image", run_image]);
    let env = |build: Build<'a>, (name, value): (&String, &String)| build.env(name, value);
    order.env.iter().fold(build, env)
}

/// The Python app that takes its time to stop, in a directory `lib`, and the files of an order.
pub(super) fn app(files: &BTreeMap<String, String>) -> Result<TempDir> {
    let app = unaware_app("v1")?;
    fs::remove_file(app.path().join("Procfile"))?;
    fs::create_dir(app.path().join("lib"))?;
    for file in ["app.py", "slow.py"] {
        fs::rename(app.path().join(file), app.path().join("lib").join(file))?;
    }
    for (file, contents) in files {
        let file = app.path().join(file);
        fs::create_dir_all(file.parent().unwrap_or(&file))?;
        fs::write(file, contents)?;
    }
    Ok(app)
}
