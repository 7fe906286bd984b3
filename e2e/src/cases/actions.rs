//! Commands before a restart, reload by signal, and what follows an end, with real servers.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fs_err as fs;

use super::restarts::{image, run, wait_for_log};
use crate::case::{Case, cases};
use crate::command::{expect_words, free_port};
use crate::container::Container;
use crate::directories::workspace;
use crate::offline;
use crate::printed;

cases![commands, gunicorn, puma, late_database];

/// Checks and compiles a page, as `tsc` does for a whole app.
const COMPILE: &str = "const [, , from, to] = process.argv; const fs = require('fs');\n\
    const code = fs.readFileSync(from, 'utf8').replaceAll(': string', '');\n\
    try { new (require('vm').Script)(code) } catch (error) {\n\
    \x20 console.error(`${from}: ${error.message}`); process.exit(2)\n}\n\
    fs.writeFileSync(to, code)\n";
const PAGE: &str = "const version: string = 'v1'; module.exports = version\n";
const SERVER: &str = "const version = require('./page.js'); console.log('started', version)\n\
    require('http').createServer((_, answer) => answer.end(`${version} ${process.pid}\\n`))\n\
    .listen(process.env.PORT, '127.0.0.1')\n";

/// A save, a save that does not compile, and its correction; the log is the page's.
fn commands(case: &Case<'_>) -> Result<()> {
    let image = image(
        case,
        "web: exec node server.js\n",
        &[
            ("compile.js", COMPILE),
            ("page.ts", PAGE),
            ("page.js", "module.exports = 'v0'\n"),
            ("server.js", SERVER),
        ],
        &[(
            "BP_LIVE_RELOAD_BEFORE",
            "*.ts: node compile.js page.ts page.js\n*.sql: false",
        )],
    )?;
    let container = Container::start(&image)?;
    container.wait_for("v0")?;
    thread::sleep(Duration::from_millis(1500));
    run(&container, "sed -i s/v1/v2/ page.ts")?;
    let before = container.wait_for("v2")?;
    thread::sleep(Duration::from_millis(1500));
    run(&container, "sed -i \"s/'v2'/'v3')/\" page.ts")?;
    wait_for_log(&container, "the next change tries again")?;
    let answer = container.wait_for("v2")?;
    ensure!(answer.process == before.process, "restarted: {answer:?}");
    run(&container, "sed -i \"s/'v3')/'v3'/\" page.ts")?;
    container.wait_for("v3")?;
    let log = container.log()?;
    let lines = log.lines().filter(|line| !line.starts_with("started"));
    let log: Vec<&str> = lines.skip(1).collect();
    let page = fs::read_to_string(workspace().join("docs/actions.md"))?;
    let blocks = documentation::blocks(&page, |_, _| ()).unwrap_or_default();
    let comment = format!("output of {}", case.name);
    let block = blocks
        .iter()
        .find(|block| block.comment.as_ref() == Some(&comment));
    let block = block.context("the page does not show the log")?;
    printed::expect(&log.join("\n"), &block.text)
}

/// gunicorn loads new code at SIGHUP.
fn gunicorn(case: &Case<'_>) -> Result<()> {
    let app = "import os\nVERSION = sum(int(open(name).read()) for name in 'ab')\n\
        def app(environ, start):\n    start('200 OK', [])\n\
        \x20   return [f'v{VERSION} {os.getpid()}\\n'.encode()]\n";
    let web = "web: exec gunicorn --workers 2 --bind 127.0.0.1:$PORT site_app:app\n";
    refuses_nothing(case, web, &[("site_app.py", app)], "SIGHUP")
}

/// Puma starts its workers again at SIGUSR1, one after the other.
fn puma(case: &Case<'_>) -> Result<()> {
    let app = "VERSION = %w[a b].sum { |name| Integer(File.read(name)) }\n\
        run ->(_) { [200, {}, [\"v#{VERSION} #{Process.pid}\\n\"]] }\n";
    // Otherwise a worker closes connections whose requests it has not read when it stops.
    let settings = "queue_requests false\n";
    let web =
        "web: exec puma --config puma.rb --workers 2 --bind tcp://127.0.0.1:$PORT config.ru\n";
    let files = [("config.ru", app), ("puma.rb", settings)];
    refuses_nothing(case, web, &files, "SIGUSR1")
}

/// Checks that 20 reloads by a signal fail no request. The version is the sum of two files, which
/// change in turns: one that changes again right after a reload would be taken for the app's own
/// writing.
fn refuses_nothing(case: &Case<'_>, web: &str, app: &[(&str, &str)], signal: &str) -> Result<()> {
    let settings = [("BP_LIVE_RELOAD_ON_CHANGE", signal)];
    let files = [app, &[("a", "1"), ("b", "0")]].concat();
    let image = image(case, web, &files, &settings)?;
    let container = Container::start(&image)?;
    container.wait_for("v1")?;
    let url = container
        .port_variable()
        .replace("PORT=", "http://127.0.0.1:");
    let is_over = AtomicBool::new(false);
    let load = || {
        let (mut answers, mut failures) = (0_u32, Vec::new());
        while !is_over.load(Ordering::Relaxed) {
            match ureq::get(&url).call() {
                Ok(_) => answers += 1,
                Err(error) => failures.push(error.to_string()),
            }
            // Other cases share the machine.
            thread::sleep(Duration::from_millis(2));
        }
        (answers, failures)
    };
    let (answers, failures) = thread::scope(|scope| {
        let clients = [scope.spawn(load), scope.spawn(load)];
        let reloads = (2..22).try_for_each(|version| {
            let (file, number) = (["b", "a"][version % 2], version.div_ceil(2));
            run(&container, &format!("echo {number} > {file}"))?;
            container.wait_for(&format!("v{version}")).map(drop)
        });
        is_over.store(true, Ordering::Relaxed);
        let counts = clients.map(|client| client.join().unwrap_or_default());
        reloads.map(|()| {
            let [(a, x), (b, y)] = counts;
            (a + b, [x, y].concat())
        })
    })?;
    ensure!(
        failures.is_empty() && answers > 100,
        "{answers} answers, {} failures, the first of them {:?}",
        failures.len(),
        failures.first()
    );
    expect_words(&container.log()?, &[&format!("sending {signal} to web")])
}

/// An app that needs a database, which comes 5 s later: `depends_on` without a health check.
fn late_database(case: &Case<'_>) -> Result<()> {
    offline::tool("compose")?;
    let connect = "import os, socket\nsocket.create_connection(('127.0.0.1', int(os.environ['DATABASE']))).close()\nimport app\n";
    let image = image(
        case,
        "web: exec python3 connect.py\n",
        &[("connect.py", connect)],
        &[],
    )?;
    let [port, database] = [free_port()?, free_port()?];
    let terminal = case.terminal()?;
    let name = &image.name;
    let compose = format!(
        "services:\n  app:\n    image: {name}\n    network_mode: host\n    command: [\"--on-exit\", \"restart\"]\n\
        \x20   environment: [\"PORT={port}\", \"DATABASE={database}\"]\n    depends_on: [db]\n\
        \x20 db:\n    image: {name}\n    network_mode: host\n\
        \x20   entrypoint: [\"sh\", \"-c\", \"sleep 5; exec python3 -m http.server --bind 127.0.0.1 {database}\"]\n"
    );
    let file = terminal.path("compose.yaml");
    fs::write(&file, compose)?;
    let project = case.named("compose").replace(['/', ':'], "-");
    let file = file.display();
    let up = format!("docker compose --file {file} --project-name {project} up");
    let _running = terminal.page("docs/actions.md")?.start(&up)?;
    let app = Container::running(case, format!("{project}-app-1"), port);
    let _database = Container::running(case, format!("{project}-db-1"), database);
    app.wait_for("v1")?;
    let log = app.log()?;
    for pause in ["1 s", "2 s"] {
        let line = format!("web ended with status 1; starting it again in {pause}");
        ensure!(log.contains(&line), "no {line:?} in\n{log}");
    }
    Ok(())
}
