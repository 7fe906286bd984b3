//! What `make bench E2E=1` measures on the real platform: no case has a limit in time.

use std::time::{Duration, Instant};

use anyhow::Result;
use bench::{Figure, Figures, Goal, Pair, Unit, interleaved};
use fs_err as fs;
use libtest_mimic::{Measurement, Trial};
use std::sync::{Arc, OnceLock};

use super::live_reload::App;
use crate::builder::{LAYER, Member, PROCFILE, WATCHEXEC, source};
use crate::container::Container;
use crate::directories;
use crate::pack::{Build, Image};
use crate::platform::Platform;

/// The first of these rows in the table.
const ROW: usize = 15;
/// Turns of what takes some tenths of a second, and of what takes seconds.
const MANY: usize = 20;
const SOME: usize = 8;

/// A figure's name and what measures it.
type Measured = (&'static str, fn(&Platform) -> Result<Figure>);

const FIGURES: [Measured; 4] = [
    ("figures::sync", sync),
    ("figures::pack_build", pack_build),
    ("figures::pack_build_floor", pack_build_floor),
    // The last, since the engine is slower for some time after images with many files.
    ("figures::first_start", first_start),
];

/// All of them, as benchmarks.
pub(crate) fn all(platform: &Arc<OnceLock<Platform>>) -> Vec<Trial> {
    FIGURES
        .into_iter()
        .enumerate()
        .map(|(index, (name, measure))| {
            let platform = Arc::clone(platform);
            Trial::bench(name, move |_| {
                let platform = platform.get().ok_or("the platform was not provided")?;
                let figure = measure(platform).map(|figure| Figure {
                    row: ROW + index,
                    ..figure
                });
                let figure = figure.map_err(|error| format!("{error:#}"))?;
                Figures::of(platform.directories.workspace().join("target/bench"))
                    .keep(&figure)
                    .map_err(|error| format!("{error:#}"))?;
                Ok(Some(measurement(&figure)))
            })
        })
        .collect()
}

/// What the runner shows, in nanoseconds; the table has the rest.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "some seconds at most"
)]
fn measurement(figure: &Figure) -> Measurement {
    let (first, third) = figure.measured.quartiles();
    Measurement {
        avg: (figure.measured.median() * 1e6) as u64,
        variance: ((third - first) * 1e6) as u64,
    }
}

/// A file is copied into a container, and another process answers.
fn sync(platform: &Platform) -> Result<Figure> {
    let app = App::new(platform)?;
    let reload = built(platform, "figures::sync", &app)?;
    let by_hand = App::new(platform)?;
    fs::write(
        by_hand.directory.join("Procfile"),
        "web: exec watchexec --restart --debounce 50ms --shell=none -- python3 app.py\n",
    )?;
    let by_hand = Build::new(platform, "figures::sync_by_hand", &by_hand.directory)
        .buildpacks(&[WATCHEXEC, PROCFILE])
        .live_reload("true")
        .env("BP_LIVE_RELOAD_PROCESS", "")
        .image()?;
    let (reload, by_hand) = (Container::start(&reload)?, Container::start(&by_hand)?);
    let file = app.directory.join("app.py");
    let restart = |container: &Container<'_>| {
        container.restart(|container| container.copy_in(&file, "/workspace/app.py"))
    };
    Ok(figure(
        "sync to the new process's answer, reload",
        "watchexec by hand",
        interleaved(MANY, || restart(&reload), || restart(&by_hand))?,
        Some(Goal::Ratio(1.1)),
        Some("Both at watchexec's own debounce of 50 ms; Python's start is part of both."),
    ))
}

/// A container with many directories to watch starts.
fn first_start(platform: &Platform) -> Result<Figure> {
    let image = |directories: usize| {
        let app = App::new(platform)?;
        for index in 0..directories {
            fs::create_dir_all(app.directory.join(format!("tree/{}/{index}", index % 50)))?;
        }
        built(
            platform,
            &format!("figures::first_start_{directories}"),
            &app,
        )
    };
    let (many, few) = (image(5000)?, image(5)?);
    let start = |image: &Image<'_>| {
        let asked = Instant::now();
        let container = Container::start(image)?;
        container.wait_for("v1")?;
        Ok(asked.elapsed())
    };
    Ok(figure(
        "first start of reload, 5,000 directories",
        "the same with 5",
        interleaved(MANY, || start(&many), || start(&few))?,
        Some(Goal::Ratio(1.5)),
        Some("From `docker run` to the first answer."),
    ))
}

/// A build again, with nothing changed.
fn pack_build(platform: &Platform) -> Result<Figure> {
    let app = App::new(platform)?;
    let build = |flag: &str| -> Result<Duration> {
        let build = Build::new(
            platform,
            &format!("figures::pack_build_{flag}"),
            &app.directory,
        )
        .live_reload(flag);
        let started = Instant::now();
        build.image()?;
        Ok(started.elapsed())
    };
    Ok(figure(
        "pack build, warm",
        "the same with the flag off",
        interleaved(SOME, || build("true"), || build("false"))?,
        Some(Goal::Added(150.0)),
        Some(
            "With the flag off, the detect of the buildpack is all that runs of it. The floor is the \
             row below: the lifecycle compresses each layer to know its digest, also one that it has.",
        ),
    ))
}

/// The same by a buildpack that does nothing but keep a layer with the same programs.
fn pack_build_floor(platform: &Platform) -> Result<Figure> {
    let app = App::new(platform)?;
    let image = built(platform, "figures::pack_build_programs", &app)?;
    let buildpack = platform.directories.target("buildpacks/layer");
    directories::copy(&source(LAYER, &platform.directories), &buildpack)?;
    fs::create_dir(buildpack.join("files"))?;
    for program in ["watchexec", "live-reload"] {
        let path = format!("/layers/live-reload_watchexec/{program}/bin/{program}");
        fs::write(buildpack.join("files").join(program), image.read(&path)?)?;
    }
    let builder = platform.maker().make(
        "floor",
        &[buildpack, source(PROCFILE, &platform.directories)],
        &[vec![Member::optional(LAYER), Member::required(PROCFILE)]],
    )?;
    let build = |with_layer: bool| -> Result<Duration> {
        let name = format!("figures::pack_build_floor_{with_layer}");
        let build = Build::new(platform, &name, &app.directory)
            .arguments(&["--builder", &builder])
            // Set in both, since pack makes another builder image where a variable is set.
            .env("BP_LAYER", if with_layer { "true" } else { "" });
        let started = Instant::now();
        build.image()?;
        Ok(started.elapsed())
    };
    Ok(figure(
        "pack build, warm, a buildpack that only keeps a layer",
        "the same without it",
        interleaved(SOME, || build(true), || build(false))?,
        None,
        None,
    ))
}

/// An image whose default process is `reload`.
fn built<'a>(platform: &'a Platform, name: &str, app: &App) -> Result<Image<'a>> {
    Build::new(platform, name, &app.directory)
        .buildpacks(&[PROCFILE, WATCHEXEC])
        .live_reload("true")
        .image()
}

fn figure(
    name: &str,
    reference: &str,
    pair: Pair,
    goal: Option<Goal>,
    note: Option<&str>,
) -> Figure {
    Figure {
        row: 0,
        name: name.to_owned(),
        unit: Unit::Milliseconds,
        measured: pair.measured,
        reference: Some((reference.to_owned(), pair.reference)),
        goal,
        note: note.map(str::to_owned),
    }
}
