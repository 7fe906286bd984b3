//! Live reload with the process `reload`, for apps whose buildpacks do not support it.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};

use crate::build::Image;
use crate::buildpacks::{ENVIRONMENT, PROCFILE, WATCHEXEC, buildpack_of};
use crate::case::{Case, cases, python_app, unaware_app};
use crate::command::expect_words;
use crate::container::{Container, RELOAD};

cases![listed_last, environment, production, invalid_flag];

/// Listed last, our buildpack makes `reload` the default process.
fn listed_last(case: &Case<'_>) -> Result<()> {
    let image = case.build_unaware(python_app()).image()?;
    Container::start(&image)?.reload_python()
}

/// Every change to the environment is applied once, by the launcher to all processes and by
/// `reload` to the process that it restarts, also after a restart, and whether a shell runs it or
/// not.
fn environment(case: &Case<'_>) -> Result<()> {
    let shell = buildpack_of("paketo-buildpacks/procfile");
    let shell = shell.to_string_lossy();
    for (image, procfile) in [("direct", PROCFILE), ("shell", &*shell)] {
        let build = case.build_as(image, python_app());
        let build = build.buildpacks(&[procfile, ENVIRONMENT, WATCHEXEC]);
        expect_same_environment(&build.live_reload("true").image()?).context(image)?;
    }
    Ok(())
}

fn expect_same_environment(image: &Image<'_>) -> Result<()> {
    // The user sets them too, so that appending has something to append to.
    let start = |process| {
        let user = ["APPENDED=user", "PREPENDED=user", "BY_EXEC_D=user"];
        let user = user.into_iter().flat_map(|variable| ["--env", variable]);
        let options: Vec<&str> = ["--entrypoint", process].into_iter().chain(user).collect();
        Container::start_with(image, &options)
    };

    let plain = variables(&start("web")?, "v1")?;
    for (name, value) in [
        ("APPENDED", "user all web"),
        ("PREPENDED", "all:user"),
        ("DEFAULT", "all"),
        ("WEB", "web"),
        ("BY_EXEC_D", "user all web"),
    ] {
        let found = plain.get(name).map(String::as_str);
        ensure!(
            found == Some(value),
            "the process web has {name}={found:?}, not {value:?}"
        );
    }

    let container = start("reload")?;
    let first = variables(&container, "v1")?;
    ensure!(first == plain, "reload: {first:#?}\nwithout: {plain:#?}");
    container.reload_python()?;
    let second = variables(&container, "v2")?;
    ensure!(second == plain, "restart: {second:#?}\nwithout: {plain:#?}");
    Ok(())
}

/// The environment of the app's process, except for `PORT`, which differs between containers.
fn variables(container: &Container<'_>, version: &str) -> Result<BTreeMap<String, String>> {
    let answer = container.wait_for(version)?;
    let script = format!("tr '\\0' '\\n' </proc/{}/environ", answer.process);
    let printed = container.execute(&["sh", "-c", &script])?;
    let variables = printed.lines().filter_map(|line| line.split_once('='));
    let variables = variables.filter(|(name, _)| *name != "PORT");
    let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    Ok(variables.map(owned).collect())
}

/// Live reload is off unless the flag is set.
fn production(case: &Case<'_>) -> Result<()> {
    let app = unaware_app("v1")?;
    let build = |image| {
        case.build_as(image, &app)
            .arguments(&["--exec-env", "production"])
    };
    build("off").image()?.expect_no_watchexec()?;
    let image = build("on").live_reload("true").image()?;
    expect_words(&image.log, &["For development only"])?;
    Container::start_with(&image, &RELOAD)?.reload_python()
}

/// The lifecycle shows the error and continues without the buildpack, which is optional.
fn invalid_flag(case: &Case<'_>) -> Result<()> {
    let image = case.build(python_app()).live_reload("yes").image()?;
    expect_words(
        &image.log,
        &["BP_LIVE_RELOAD_ENABLED is \"yes\".", "Accepted: 1 t T"],
    )?;
    image.expect_no_watchexec()
}
