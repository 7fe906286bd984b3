//! Applications, one page each.

use anyhow::Result;

use super::{Case, show_reload};
use crate::platform::Platform;
use crate::terminal::Terminal;

pub(super) const CASES: &[Case] = &[
    ("examples::python", |platform| {
        app(platform, "examples::python", "python", "pack")
    }),
    ("examples::node", |platform| {
        app(platform, "examples::node", "node", "pack")
    }),
    ("examples::go", |platform| {
        app(platform, "examples::go", "go", "pack, Go")
    }),
    ("examples::spring_boot", |platform| {
        app(
            platform,
            "examples::spring_boot",
            "spring-boot",
            "pack, Maven",
        )
    }),
];

/// It is built and started, edited, and copied into the container.
fn app(platform: &Platform, case: &'static str, name: &str, tools: &str) -> Result<()> {
    let terminal = Terminal::open(platform, case)?;
    let page = terminal.page(&format!("examples/{name}/README.md"))?;
    let [start, sync] = page.blocks()?;
    page.run(&start.text)?;
    let container = terminal.container(&format!("example-{name}"));
    container.wait_for("v1")?;
    page.edit()?;
    show_reload(container.reload(|_| page.run(&sync.text).map(drop))?);
    platform.report.ran(case, tools);
    Ok(())
}
