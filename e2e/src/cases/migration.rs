//! Moving from `paketo-buildpacks/watchexec`: the orders of Paketo's builder, with the id replaced
//! as docs/migrating.md says.

use anyhow::{Context, Result, ensure};
use fs_err as fs;

use super::orders;
use crate::buildpacks::buildpack_of;
use crate::case::{Case, cases, unaware_app};
use crate::container::Container;
use crate::directories::{copy, target};
use documentation::Block;

cases![paketo_builder, paketo_order];

const PAGE: &str = "docs/migrating.md";

/// Appended to Paketo's builder, our buildpack starts the process that Paketo's wraps.
fn paketo_builder(case: &Case<'_>) -> Result<()> {
    let order = case.platform.publisher("paketo")?.0.order("nodejs")?;
    let terminal = case.terminal()?;
    copy(orders::app(&order.app)?.path(), &terminal.path("app"))?;
    let page = terminal.page(PAGE)?;
    let blocks: [Block; 3] = page.blocks()?;
    let container = terminal.container("my-app");
    blocks.iter().try_for_each(|block| page.follow(block))?;
    container.reload_by_copy(
        "v2",
        &unaware_app("v2")?.path().join("app.py"),
        "/workspace/lib/app.py",
    )
}

fn paketo_order(case: &Case<'_>) -> Result<()> {
    let terminal = case.terminal()?;
    let page = terminal.page(PAGE)?;
    let mut blocks = page.text.split("```toml\n").skip(1);
    let mut block = || blocks.next().and_then(|rest| rest.split("```").next());
    let before = block().context("the page shows no order")?;
    let after = block().context("the page shows no order to write in its place")?;

    let order = case.platform.publisher("paketo")?.0.order("nodejs")?;
    let app = orders::app(&order.app)?;
    let description = fs::read_to_string(target("paketo.toml"))?;
    let package = buildpack_of("paketo-buildpacks/watchexec");
    let package = package.to_string_lossy();
    ensure!(
        description.contains(before) && description.contains(&*package),
        "the builder does not contain what the page replaces:\n{before}"
    );
    let description = description
        .replace(before, after)
        .replace(&*package, &case.platform.watchexec.to_string_lossy());
    let file = terminal.path("builder.toml");
    fs::write(&file, description)?;
    let builder = case.named("builder");
    case.platform.make_builder_of(&builder, &file)?;

    // The buildpack for Node.js requires watchexec, and its process stays the default.
    let image = case
        .build(&app)
        .arguments(&["--builder", &builder])
        .arguments(&["--run-image", &case.platform.images.other_user])
        .live_reload("true")
        .image()?;
    let container = Container::start(&image)?;
    orders::expect_reload(&container)?;
    let log = container.log()?;
    ensure!(!log.contains("live-reload:"), "it is `reload`:\n{log}");
    Ok(())
}
