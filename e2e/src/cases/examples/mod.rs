//! The examples and pages, followed as a reader would: the cases take commands and edits from the
//! pages and request the app from outside.

pub(super) mod tools;

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use anyhow::{Result, ensure};
use fs_err as fs;

use crate::case::{Case, cases};
use crate::command::{expect_words, retry};
use crate::container::{Container, SKAFFOLD, TILT};
use crate::directories::copy;
use crate::terminal::Terminal;
use documentation::Block;

cases![
    readme,
    five_minute_start,
    python,
    node,
    php,
    ruby,
    go,
    spring_boot,
    project_toml,
    builder,
    system_builder,
    composite,
    language_buildpack,
    other_settings,
    arguments,
    ignored,
    sync_tools,
];

/// The example app that most pages use, and its page.
const APP: &str = "examples/python/app.py";
const PYTHON: &str = "examples/python/README.md";

const PATIENCE: Duration = Duration::from_mins(1);

/// The page for the first start.
const START: &str = "docs/start.md";

fn readme(case: &Case<'_>) -> Result<()> {
    page(case, "README.md", "my-app").map(drop)
}

fn five_minute_start(case: &Case<'_>) -> Result<()> {
    page(case, START, "my-app").map(drop)
}

fn python(case: &Case<'_>) -> Result<()> {
    page(case, PYTHON, "example-python").map(drop)
}

fn node(case: &Case<'_>) -> Result<()> {
    page(case, "examples/node/README.md", "example-node").map(drop)
}

fn php(case: &Case<'_>) -> Result<()> {
    page(case, "examples/php/README.md", "example-php").map(drop)
}

fn ruby(case: &Case<'_>) -> Result<()> {
    page(case, "examples/ruby/README.md", "example-ruby").map(drop)
}

fn go(case: &Case<'_>) -> Result<()> {
    page(case, "examples/go/README.md", "example-go").map(drop)
}

/// Paketo's order for Java, whose buildpack for jars wraps `java` itself.
fn spring_boot(case: &Case<'_>) -> Result<()> {
    let spring_boot = "examples/spring-boot/README.md";
    let log = page(case, spring_boot, "example-spring-boot")?;
    let starts = log.matches("Started Application").count();
    ensure!(starts == 2, "{starts} starts:\n{log}");
    Ok(())
}

/// Follows a page, which builds, starts and asks the app, and then edits and syncs a file. Returns
/// the container's log.
fn page(case: &Case<'_>, page: &str, container: &str) -> Result<String> {
    follow_page(&case.terminal()?, page, container)
}

fn follow_page(terminal: &Terminal<'_>, page: &str, container: &str) -> Result<String> {
    let page = terminal.page(page)?;
    let container = terminal.container(container);
    let mut reloads = 0;
    for block in page.all_blocks(&format!("run: {}", terminal.case.name))? {
        if block.text.contains("docker cp") {
            container.reload("v2", || page.follow(&block))?;
            reloads += 1;
        } else {
            page.follow(&block)?;
        }
    }
    ensure!(reloads == 1, "{reloads} blocks sync a file");
    container.log()
}

/// Edits the Python app, and copies it into a container.
fn expect_reload(terminal: &Terminal<'_>, container: &Container<'_>) -> Result<()> {
    terminal.page(PYTHON)?.edit()?;
    container.reload_by_copy("v2", &terminal.path(APP), "/workspace/app.py")
}

/// One project.toml makes images with and without live reload.
fn project_toml(case: &Case<'_>) -> Result<()> {
    let terminal = case.terminal()?;
    copy(
        case.platform.package_development()?,
        &terminal.path("target/package/buildpack-development"),
    )?;
    let page = terminal.page("examples/project-toml/README.md")?;
    let [development, production] = page.blocks()?;
    page.follow(&development)?;
    page.follow(&production)?;
    expect_only_development_reloads(&terminal)
}

/// One builder makes images with and without live reload.
fn builder(case: &Case<'_>) -> Result<()> {
    follow_builder(&case.terminal()?)
}

/// All apps of the builder reload in development, with an order that does not name the buildpack.
fn system_builder(case: &Case<'_>) -> Result<()> {
    let terminal = case.terminal()?;
    copy(
        case.platform.package_development()?,
        &terminal.path("target/package/buildpack-development"),
    )?;
    follow_builder(&terminal)
}

fn follow_builder(terminal: &Terminal<'_>) -> Result<()> {
    let page = terminal.page("examples/builder/README.md")?;
    let blocks: [Block; 3] = page.blocks()?;
    blocks.iter().try_for_each(|block| page.follow(block))?;
    expect_only_development_reloads(terminal)
}

/// Checks the two images of a page.
fn expect_only_development_reloads(terminal: &Terminal<'_>) -> Result<()> {
    terminal.image("example-app").expect_no_watchexec()?;
    let reloads = terminal.image("example-app-dev");
    expect_reload(terminal, &Container::start(&reloads)?)
}

fn composite(case: &Case<'_>) -> Result<()> {
    let terminal = case.terminal()?;
    let page = terminal.page("examples/composite/README.md")?;
    let [package, build] = page.blocks()?;
    page.follow(&package)?;
    page.follow(&build)?;
    expect_reload(
        &terminal,
        &Container::start(&terminal.image("example-python"))?,
    )
}

/// The buildpack wraps its process itself. That process stays the default, and `reload` starts it
/// unchanged.
fn language_buildpack(case: &Case<'_>) -> Result<()> {
    let terminal = case.terminal()?;
    let wrapped = "examples/language-buildpack/README.md";
    let log = follow_page(&terminal, wrapped, "example-wrapped")?;
    ensure!(!log.contains("live-reload:"), "it is `reload`:\n{log}");
    let image = terminal.image("example-wrapped");
    let reload = Container::start_with(&image, &["--entrypoint", "reload"])?;
    reload.wait_for("v1")?;
    let log = reload.log()?;
    expect_words(&log, &["which reloads itself"])?;
    let watchers = reload.execute(&["sh", "-c", "grep -l watchexec /proc/[0-9]*/comm | wc -l"])?;
    ensure!(
        watchers == "1",
        "{watchers} processes are watchexec:\n{log}"
    );
    Ok(())
}

/// Arguments choose another process and other settings without a build.
fn other_settings(case: &Case<'_>) -> Result<()> {
    let terminal = case.terminal()?;
    let mut procfile = fs::OpenOptions::new();
    let procfile = procfile
        .append(true)
        .open(terminal.path("examples/python/Procfile"));
    procfile?.write_all(b"worker: python3 app.py\n")?;
    let start = terminal.page(START)?;
    start.follow(&start.all_blocks("run: examples::five_minute_start")?[0])?;

    let page = terminal.page("docs/settings.md")?;
    let [start] = page.blocks()?;
    let mut running = page.start(&start)?;
    running.expect(&start)?;
    expect_reload(&terminal, &terminal.container("my-app-worker"))
}

/// Arguments reach the app, also after a restart, whether its process type has arguments of its own
/// or not.
fn arguments(case: &Case<'_>) -> Result<()> {
    let terminal = case.terminal()?;
    let procfile = "web: ./server\nworker: python3 app.py\n";
    fs::write(terminal.path("examples/python/Procfile"), procfile)?;
    let server = terminal.path("examples/python/server");
    fs::write(&server, "#!/bin/sh\nexec python3 app.py \"$@\"\n")?;
    fs::set_permissions(server, Permissions::from_mode(0o755))?;
    let start = terminal.page(START)?;
    start.follow(&start.all_blocks("run: examples::five_minute_start")?[0])?;

    let page = terminal.page("docs/settings.md")?;
    let blocks: [Block; 2] = page.blocks()?;
    for (block, name) in blocks.iter().zip(["my-app", "my-app-2"]) {
        terminal
            .page(PYTHON)?
            .run("sed -i 's/\"v2\"/\"v1\"/' app.py")?;
        page.follow(block)?;
        let container = terminal.container(name);
        expect_argument(&container, "v1")?;
        expect_reload(&terminal, &container)?;
        expect_argument(&container, "v2")?;
        case.platform
            .engine
            .run(["rm", "--force", &container.name])?;
    }
    let image = terminal.image("my-app").name;
    let wrong = page.run(&format!("docker run --rm {image} --port=9000"));
    let wrong = wrong
        .err()
        .map(|error| format!("{error:#}"))
        .unwrap_or_default();
    expect_words(&wrong, &["Arguments of the app come after `--`"])
}

/// Checks that this version of the app has the argument of the page.
pub(in crate::cases) fn expect_argument(container: &Container<'_>, version: &str) -> Result<()> {
    container.wait_for(version)?;
    let script = "cat /proc/[0-9]*/cmdline | tr '\\0' ' '";
    let commands = container.execute(&["sh", "-c", script])?;
    ensure!(commands.contains("app.py --port=9000"), "{commands}");
    Ok(())
}

/// Files that a user's pattern and the default ones match, and one that is taken back.
fn ignored(case: &Case<'_>) -> Result<()> {
    let terminal = case.terminal()?;
    let cache = terminal.path("examples/python/tmp/cache");
    fs::create_dir_all(&cache)?;
    fs::write(cache.join("a"), "x\n")?;
    let start = terminal.page(START)?;
    start.follow(&start.all_blocks("run: examples::five_minute_start")?[0])?;
    let page = terminal.page("docs/ignored.md")?;
    let [run, help] = page.blocks()?;
    page.follow(&run)?;
    let container = terminal.container("my-app");
    container.wait_for("v1")?;
    expect_words(
        &page.run(&help.text)?,
        &["Ignored: ", "*.[Ll][Oo][Gg]", "App_Data"],
    )?;
    let ignored = "a.csv uploads/a.py tmp/cache/a ERROR.LOG";
    let mut restarts = Vec::new();
    for file in ["tmp/main", "audit.log.js"] {
        let write = format!(
            "cd /workspace && mkdir -p uploads tmp/cache && for file in {ignored} {file}; do echo x >> $file; done"
        );
        container.execute(&["sh", "-c", &write])?;
        // If it were not ignored, an ignored file would be the first one that the restart names.
        restarts.push(format!("live-reload: {file} changed, restarting web"));
        retry(PATIENCE, || {
            let log = container.log()?;
            let logged = log.lines().filter(|line| line.contains(" changed"));
            ensure!(logged.eq(&restarts), "the log is not {restarts:?}:\n{log}");
            Ok(())
        })?;
    }
    Ok(())
}

/// Tilt's and Skaffold's commands sync a program and other files into an image that has no other
/// program.
fn sync_tools(case: &Case<'_>) -> Result<()> {
    let terminal = case.terminal()?;
    let page = terminal.page("docs/tiny-images.md")?;
    let [build] = page.blocks()?;
    let go = terminal.page("examples/go/README.md")?;
    let compile = &go.all_blocks("run: examples::go")?[0];
    go.follow(compile)?;
    page.follow(&build)?;

    let image = terminal.image("my-app");
    let no_shell = image.run_program(&["sh", "-c", "true"]);
    let error = no_shell.map_or_else(|error| error.to_string(), |_| String::new());
    expect_words(&error, &["not found"])?;
    let container = Container::start(&image)?;
    let notes = [
        ("workspace/notes/one", &b"1"[..]),
        ("workspace/notes/two", b"2"),
    ];
    container.reload("v1", || container.extract(&SKAFFOLD, &notes))?;
    for words in [
        &["rm", "-rf", "/workspace/notes/one"][..],
        &["rm", "-rf", "--", "/workspace/notes"],
    ] {
        container.reload("v1", || container.execute(words).map(drop))?;
    }
    go.edit()?;
    go.follow(compile)?;
    let program = fs::read(terminal.path("examples/go/bin/server"))?;
    let files = [("workspace/bin/server", program.as_slice())];
    container.reload("v2", || container.extract(&TILT, &files))?;
    drop(container);

    // As a buildpack would that wraps its process. The .gitignore of the app lists `bin/`.
    let watchexec = "-- watchexec -r --shell=none --no-discover-ignore -- bin/server";
    let watchexec: Vec<&str> = watchexec.split(' ').collect();
    let wrapped = Container::run(&image, &["--entrypoint", "launcher"], &watchexec)?;
    wrapped.wait_for("v1")?;
    wrapped
        .reload("v2", || wrapped.extract(&TILT, &files))
        .map(drop)
}
