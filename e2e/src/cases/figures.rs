//! The figures that `make bench E2E=1` measures on the real platform. No case has a time limit.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use fs_err as fs;
use harness::{Figure, Goal, Pair, Unit, interleaved, table};

use crate::build::Build;
use crate::buildpacks::{LAYER, PROCFILE, WATCHEXEC, buildpack_of};
use crate::case::{Case, unaware_app};
use crate::container::Container;
use crate::directories::{copy, source, target};
use crate::offline;
use crate::platform::Platform;

/// Turns of measurements that take seconds.
const SOME: usize = 8;

/// Each with the name of its images.
type Measured = (&'static str, fn(&Case<'_>) -> Result<Figure>);

const FIGURES: [Measured; 3] = [
    ("pack_build", pack_build),
    ("java", java),
    ("python", python),
];

/// The settings of docs/fast-restarts.md.
const QUICK_JAVA: &str = "JAVA_TOOL_OPTIONS=-XX:TieredStopAtLevel=1";
const KEEP_BYTECODE: &str = "PYTHONPYCACHEPREFIX=/tmp/pycache";

/// Measures, and prints the table.
pub(crate) fn measure(platform: &Platform) -> Result<()> {
    let measured = FIGURES.iter().map(|(name, measure)| {
        let name = format!("e2e::cases::figures::{name}");
        measure(&Case::new(&name, platform))
    });
    println!("{}", table(&measured.collect::<Result<Vec<_>>>()?));
    Ok(())
}

/// Copies an unchanged file into two containers in turns, until another process answers.
fn restarts([measured, reference]: &[Container<'_>; 2], file: &Path, target: &str) -> Result<Pair> {
    let restart =
        |container: &Container<'_>| container.reload("v1", || container.copy_in(file, target));
    interleaved(SOME, || restart(measured), || restart(reference))
}

/// A Spring Boot app, with a virtual machine that compiles for a quick start.
fn java(case: &Case<'_>) -> Result<Figure> {
    with_setting(
        ("Spring Boot", QUICK_JAVA),
        |image| case.build_paketo(image, offline::jar()?),
        &[],
        &source("apps/java/src/main/resources/application.properties"),
        "/workspace/BOOT-INF/classes/application.properties",
    )
}

/// A Python app that imports a library from a layer, which its user cannot write to.
fn python(case: &Case<'_>) -> Result<Figure> {
    let app = unaware_app("v1")?;
    let file = app.path().join("app.py");
    let program = fs::read_to_string(&file)?;
    fs::write(&file, format!("import sqlalchemy.orm\n{program}"))?;
    let buildpack = target("buildpacks/sqlalchemy");
    copy(&buildpack_of(LAYER), &buildpack)?;
    copy(&offline::installed("sqlalchemy")?, &buildpack.join("files"))?;
    let path = format!("PYTHONPATH=/layers/{}/layer", LAYER.replace('/', "_"));
    with_setting(
        ("Python with SQLAlchemy", KEEP_BYTECODE),
        |image| {
            Ok(case
                .build_as(image, app.path())
                .buildpacks(&[&buildpack.to_string_lossy(), PROCFILE, WATCHEXEC])
                .arguments(&["--run-image", &case.platform.images.other_user])
                .env("BP_LAYER", "true"))
        },
        &["--env", &path],
        &file,
        "/workspace/app.py",
    )
}

/// An app restarts with a variable of the container, and without it.
fn with_setting<'a>(
    (app, setting): (&str, &str),
    build: impl Fn(&str) -> Result<Build<'a>>,
    options: &[&str],
    file: &Path,
    target: &str,
) -> Result<Figure> {
    let image = |name: &str| build(name)?.live_reload("true").image();
    let (with, without) = (image("with")?, image("without")?);
    let containers = [
        Container::start_with(&with, &[options, &["--env", setting]].concat())?,
        Container::start_with(&without, options)?,
    ];
    let name = format!("sync to the new process's answer, {app}, `{setting}`");
    let pair = restarts(&containers, file, target)?;
    Ok(figure(&name, "without the variable", pair))
}

/// A rebuild without changes.
fn pack_build(case: &Case<'_>) -> Result<Figure> {
    let app = unaware_app("v1")?;
    let build = |flag: &str| -> Result<Duration> {
        let build = case.build_as(flag, &app).live_reload(flag);
        let started = Instant::now();
        build.image()?;
        Ok(started.elapsed())
    };
    let pair = interleaved(SOME, || build("true"), || build("false"))?;
    let note = "With the flag off, only detect runs. The lifecycle restores a cached layer, and compresses it \
                to compute its digest.";
    Ok(Figure {
        goal: Some(Goal::Added(150.0)),
        note: Some(note.to_owned()),
        ..figure("pack build, warm", "the same with the flag off", pair)
    })
}

fn figure(name: &str, reference: &str, pair: Pair) -> Figure {
    Figure {
        name: name.to_owned(),
        unit: Unit::Milliseconds,
        measured: pair.measured,
        reference: Some((reference.to_owned(), pair.reference)),
        goal: None,
        note: None,
    }
}
