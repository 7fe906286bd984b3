//! Moving from `paketo-buildpacks/watchexec`: an order for it, with the id replaced as docs/migrating.md
//! says.

use anyhow::{Context, Result, ensure};
use fs_err as fs;

use crate::case::{Case, cases, python_app, unaware_app};
use crate::container::Container;
use crate::directories::source;

cases![paketo_order];

/// The URL of the buildpack in the order's builder.toml.
const URL: &str = "docker://docker.io/paketobuildpacks/watchexec";

fn paketo_order(case: &Case<'_>) -> Result<()> {
    let terminal = case.terminal()?;
    let page = terminal.page("docs/migrating.md")?;
    let mut blocks = page.text.split("```toml\n").skip(1);
    let mut block = || blocks.next().and_then(|rest| rest.split("```").next());
    let before = block().context("the page shows no order")?;
    let after = block().context("the page shows no order to write in its place")?;

    let order = fs::read_to_string(source("orders/paketo.toml"))?;
    ensure!(
        order.contains(before) && order.contains(URL),
        "the order has nothing of what the page replaces:\n{before}"
    );
    let package = format!("file://{}", case.platform.watchexec.display());
    let order = order.replace(before, after).replace(URL, &package);
    let file = terminal.path("builder.toml");
    fs::write(&file, terminal.replaced(&order))?;
    let builder = case.named("builder");
    case.platform.make_builder_of(&builder, &file)?;

    // Only the order's buildpack for Python detects this app.
    let app = unaware_app("v1")?;
    fs::remove_file(app.path().join("Procfile"))?;
    fs::copy(python_app().join("start"), app.path().join("start"))?;
    let build = || case.build(&app).arguments(&["--builder", &builder]);
    build().image()?.expect_no_watchexec()?;

    let image = build().live_reload("true").image()?;
    let container = Container::start(&image)?;
    container.reload_python()?;
    let log = container.log()?;
    ensure!(!log.contains("live-reload:"), "it is `reload`:\n{log}");
    Ok(())
}
