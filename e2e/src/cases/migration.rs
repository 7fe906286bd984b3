//! Moving from `paketo-buildpacks/watchexec`: an order that was written for it, with the id replaced as
//! docs/migrating.md says.

use anyhow::{Context, Result, ensure};
use fs_err as fs;

use super::{Case, show_reload};
use crate::container::Container;
use crate::pack::Build;
use crate::platform::Platform;
use crate::terminal::Terminal;

pub(super) const CASES: &[Case] = &[("migration::paketo_order", paketo_order)];

/// Where the buildpacks of the order are listed.
const ADDRESS: &str = "docker://docker.io/paketobuildpacks/watchexec";

fn paketo_order(platform: &Platform) -> Result<()> {
    let case = "migration::paketo_order";
    let terminal = Terminal::open(platform, case)?;
    let page = terminal.page("docs/migrating.md")?;
    let mut blocks = page.text.split("```toml\n").skip(1);
    let mut block = || blocks.next().and_then(|rest| rest.split("```").next());
    let before = block().context("the page shows no order")?;
    let after = block().context("the page shows no order to write in its place")?;

    let source = platform.directories.source("orders/paketo.toml");
    let order = fs::read_to_string(source)?;
    ensure!(
        order.contains(before) && order.contains(ADDRESS),
        "the order has nothing of what the page replaces:\n{before}"
    );
    let package = format!("file://{}", platform.watchexec.display());
    let order = order.replace(before, after).replace(ADDRESS, &package);
    let file = terminal.path("builder.toml");
    fs::write(&file, terminal.replaced(&order)?)?;

    let builder = terminal.name("builder");
    platform
        .maker()
        .make_of(&builder, &file, "migration-builder")?;

    let app = terminal.path("app");
    fs::create_dir(&app)?;
    for file in ["app.py", "start"] {
        let source = platform.directories.source("apps/python").join(file);
        fs::copy(source, app.join(file))?;
    }
    let build = |name| Build::new(platform, name, &app).arguments(&["--builder", &builder]);
    build("migration::without").image()?.expect_no_watchexec()?;

    let image = build("migration::with").live_reload("true").image()?;
    let container = Container::start(&image)?;
    container.wait_for("v1")?;
    let saved = terminal.save("app/app.py")?;
    show_reload(container.reload(|container| container.copy_in(&saved.path, "/workspace/app.py"))?);
    let log = container.log()?;
    ensure!(!log.contains("live-reload:"), "it is `reload`:\n{log}");
    Ok(())
}
