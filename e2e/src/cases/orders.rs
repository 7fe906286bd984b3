//! Our buildpack appended to the orders of published builders, and prepended: which process is the
//! default, what `reload` starts, and that one process watches and restarts the app once.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use tempfile::TempDir;

use crate::build::{Build, Image};
use crate::case::{Case, cases, unaware_app};
use crate::command::expect_words;
use crate::container::{Container, RELOAD, TILT};
use crate::orders::{Expected, Order, Orders};

/// Registers a case for each publisher and order, named after both.
macro_rules! orders {
    ($($name:ident: $publisher:literal $order:literal,)+) => {
        cases![$($name),+];
        $(fn $name(case: &Case<'_>) -> Result<()> {
            order(case, $publisher, $order)
        })+
    };
}

orders![
    paketo_nodejs: "paketo" "nodejs",
    paketo_nodejs_npm: "paketo" "nodejs-npm",
    paketo_nodejs_yarn: "paketo" "nodejs-yarn",
    paketo_python: "paketo" "python",
    paketo_python_poetry: "paketo" "python-poetry",
    paketo_go: "paketo" "go",
    paketo_java: "paketo" "java",
    paketo_dotnet_core: "paketo" "dotnet-core",
    paketo_php_nginx: "paketo" "php-nginx",
    paketo_ruby: "paketo" "ruby",
    heroku_nodejs: "heroku" "nodejs",
    heroku_python: "heroku" "python",
    heroku_go: "heroku" "go",
    heroku_java: "heroku" "java",
];

fn order(case: &Case<'_>, publisher: &'static str, name: &str) -> Result<()> {
    let order = Orders::read(publisher)?.order(name)?;
    let app = app(&order)?;
    let build = |image, option| {
        let build = build(case, publisher, &order, image, &app)?;
        let watchexec = case.platform.watchexec.to_string_lossy();
        build.arguments(&[option, &watchexec]).image()
    };

    let image = build("appended", "--post-buildpack")?;
    check(&image, &order.appended).context("appended")?;
    if let Some(expected) = &order.prepended {
        let image = build("prepended", "--pre-buildpack")?;
        check(&image, expected).context("prepended")?;
    }
    Ok(())
}

/// Checks the default process of an image and its `reload`.
fn check(image: &Image<'_>, expected: &Expected) -> Result<()> {
    let case = image.case;
    let default = default_process(image)?;
    ensure!(default == expected.default, "the default is {default}");
    let container = Container::start(image)?;
    let watchers = expected.watchers.unwrap_or(1);
    if watchers > 0 {
        expect_reload(&container)?;
    } else {
        container.wait_for("v1")?;
    }
    expect_watchers(&container, watchers)?;
    let (status, seconds, goodbye) = stop(&container)?;
    case.show(format!("{default} stopped with {status} in {seconds:.1} s"));
    let log = container.log()?;
    let first = log.lines().next().unwrap_or_default();
    case.show(format!("first line: {first}"));
    drop(container);

    let Some(line) = &expected.log else { return Ok(()) };
    if default == "reload" {
        ensure!(log.contains(&format!("live-reload: {line}")), "it logs\n{log}");
        ensure!(goodbye && status == 7 && seconds >= 4.0, "no slow stop: {log}");
        return Ok(());
    }
    let container = Container::start_with(image, &RELOAD)?;
    expect_reload(&container)?;
    expect_watchers(&container, 1)?;
    expect_words(&container.log()?, &[&format!("live-reload: {line}")])
}

fn expect_reload(container: &Container<'_>) -> Result<()> {
    container.wait_for("v1")?;
    let user = container.execute(&["id", "-u"])?;
    ensure!(user == "1002", "it runs as {user}");
    container.execute(&["touch", "/tmp/quick"])?;
    let changed = fs::read(unaware_app("v2")?.path().join("app.py"))?;
    container.reload("v2", |container| {
        container.extract(&TILT, &[("workspace/lib/app.py", &changed)])
    })?;
    // Much longer than the time for collecting changes.
    sleep(Duration::from_secs(1));
    let log = container.log()?;
    let starts = ["v1", "v2"].map(|version| log.matches(&format!("started {version}")).count());
    ensure!(starts == [1, 1], "{starts:?} starts of v1 and v2:\n{log}");
    container.execute(&["rm", "/tmp/quick"])?;
    Ok(())
}

fn expect_watchers(container: &Container<'_>, expected: usize) -> Result<()> {
    let script = "cat /proc/[0-9]*/comm";
    let programs = container.execute(&["sh", "-c", script])?;
    let found = programs.lines().filter(|name| *name == "watchexec").count();
    ensure!(found == expected, "{found} watchers among:\n{programs}");
    Ok(())
}

/// Stops the container. Returns its status, the seconds, and whether the app has said goodbye.
fn stop(container: &Container<'_>) -> Result<(i32, f64, bool)> {
    let asked = Instant::now();
    let status = container.stop(Duration::from_secs(20))?;
    let seconds = asked.elapsed().as_secs_f64();
    Ok((status, seconds, container.log()?.contains("goodbye")))
}

/// The type of the process that a container starts, which the entrypoint of the image names.
fn default_process(image: &Image<'_>) -> Result<String> {
    let engine = &image.case.platform.engine;
    let format = "{{index .Config.Entrypoint 0}}";
    let entrypoint = engine.run(["inspect", "--format", format, &image.name])?;
    Ok(entrypoint.replace("/cnb/process/", ""))
}

/// A build of an order with its published builder.
fn build<'a>(
    case: &'a Case<'_>,
    publisher: &'static str,
    order: &Order,
    image: &str,
    app: &TempDir,
) -> Result<Build<'a>> {
    let builder = builder(case, publisher)?;
    let run_image = &case.platform.images.other_user;
    let build = case.build_as(image, app).live_reload("true");
    let build = build.arguments(&["--builder", &builder, "--run-image", run_image]);
    let env = |build: Build<'a>, (name, value): (&String, &String)| build.env(name, value);
    Ok(order.env.iter().fold(build, env))
}

/// The publisher's builder, made by the first case that needs it.
fn builder(case: &Case<'_>, publisher: &'static str) -> Result<String> {
    static BUILDERS: Mutex<BTreeMap<&str, String>> = Mutex::new(BTreeMap::new());
    let mut builders = BUILDERS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(builder) = builders.get(publisher) {
        return Ok(builder.clone());
    }
    let builder = Orders::read(publisher)?.builder(publisher, case.platform)?;
    builders.insert(publisher, builder.clone());
    Ok(builder)
}

/// The Python app that takes its time to stop, in a directory `lib`, and the files of an order.
fn app(order: &Order) -> Result<TempDir> {
    let app = unaware_app("v1")?;
    fs::remove_file(app.path().join("Procfile"))?;
    fs::create_dir(app.path().join("lib"))?;
    for file in ["app.py", "slow.py"] {
        fs::rename(app.path().join(file), app.path().join("lib").join(file))?;
    }
    for (file, contents) in &order.app {
        let file = app.path().join(file);
        fs::create_dir_all(file.parent().unwrap_or(&file))?;
        fs::write(file, contents)?;
    }
    Ok(app)
}
