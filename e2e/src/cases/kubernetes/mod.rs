//! The examples for Kubernetes on a cluster of the suite, followed as a reader would. Pods are
//! asked at their own address, and times are from the save on this machine to the answer.

pub(super) mod deployment;
pub(super) mod kpack;

use std::time::Duration;

use anyhow::{Result, ensure};
use fs_err as fs;

use crate::case::{Case, cases};
use crate::command::{expect_words, retry, wait_for};
use crate::container::{Container, SKAFFOLD, TILT};
use crate::directories::{copy, workspace};
use crate::offline;
use crate::terminal::Terminal;

cases![
    tilt,
    skaffold,
    kubectl_exec,
    read_only_root,
    synced_files_survive,
];

/// The example app, its directory, and the deployment of all examples.
const APP: &str = "examples/python/app.py";
const DIRECTORY: &str = "examples/python";
const DEPLOYMENT: &str = "example-python";
const PAGE: &str = "docs/kubernetes.md";

/// Three edits, a deletion, and a change that needs a build.
fn tilt(case: &Case<'_>) -> Result<()> {
    offline::tool("tilt")?;
    let terminal = case.cluster_terminal()?;
    let page = terminal.page("examples/tilt/README.md")?;
    let [up] = page.blocks()?;
    expect_same_on_page(&terminal, &format!("cd examples/tilt\n{}", up.text))?;
    add_directory(&terminal)?;
    let _running = page.start(&up.text)?;
    let pod = terminal.pod(DEPLOYMENT)?;
    expect_syncs(&terminal, &pod)
}

/// Adds a directory to the app. In the image it belongs to the user of the build, and not everyone
/// can write there, as in `/workspace` itself.
fn add_directory(terminal: &Terminal<'_>) -> Result<()> {
    let directory = terminal.path(DIRECTORY).join("package");
    fs::create_dir(&directory)?;
    Ok(fs::write(directory.join("__init__.py"), "")?)
}

/// Edits files while a tool syncs them, and changes one that needs a build.
fn expect_syncs(terminal: &Terminal<'_>, pod: &Container<'_>) -> Result<()> {
    edit_three_times(terminal, pod)?;
    add_and_delete(terminal, pod)?;
    build_again(terminal, pod)
}

/// The builder has the offline package, since Skaffold's build containers have no network on a
/// private engine.
fn skaffold(case: &Case<'_>) -> Result<()> {
    offline::tool("skaffold")?;
    let terminal = case.cluster_terminal()?;
    let package = case.platform.package_offline()?;
    copy(package, &terminal.path("target/package/buildpack"))?;
    let page = terminal.page("examples/skaffold/README.md")?;
    let [dev] = page.blocks()?;
    expect_same_on_page(&terminal, &format!("cd examples/skaffold\n{}", dev.text))?;
    add_directory(&terminal)?;
    let mut running = page.start(&dev.text)?;
    // Skaffold misses earlier saves.
    running.wait_for("Watching for changes", 1)?;
    let pod = terminal.pod(DEPLOYMENT)?;
    expect_syncs(&terminal, &pod)
}

/// The page's commands, and those of both tools, as the run user in a container that may do little.
fn kubectl_exec(case: &Case<'_>) -> Result<()> {
    let terminal = deployed(case, "app.yaml", |manifest| {
        manifest.replace("replicas: 2", "replicas: 1")
    })?;
    let pod = terminal.pod(DEPLOYMENT)?;
    let page = terminal.page(PAGE)?;
    let [_, _, _, sync] = page.blocks()?;
    terminal.page("examples/python/README.md")?.edit()?;
    pod.reload("v2", || page.run(&sync.text).map(drop))?;
    sync_by_exec(&pod)
}

/// The app directory is a volume, and the rest cannot be written to.
fn read_only_root(case: &Case<'_>) -> Result<()> {
    let terminal = deployed(case, "read-only.yaml", str::to_owned)?;
    let pod = terminal.pod(DEPLOYMENT)?;
    // In its user's home directory, only the read-only root prevents writing.
    let error = pod
        .execute(&["touch", "/home/cnb/file"])
        .map_or_else(|error| error.to_string(), |_| String::new());
    expect_words(&error, &["Read-only file system"])?;
    sync_by_exec(&pod)
}

/// A restart of the container keeps the files of a volume: the init container runs once in a pod.
fn synced_files_survive(case: &Case<'_>) -> Result<()> {
    let terminal = deployed(case, "read-only.yaml", str::to_owned)?;
    let pod = terminal.pod(DEPLOYMENT)?;
    pod.reload("v2", || sync(&pod, &app("v2")?))?;
    let before = pod.last_start()?;
    // The end of the container can end the command first.
    let _ = pod.execute(&["sh", "-c", "kill 1"]);
    wait_for(Duration::from_mins(2), || {
        Ok((pod.last_start()? != before).then_some(()))
    })?;
    let answer = pod.answer()?;
    ensure!(
        answer.version == "v2",
        "the first answer is {}",
        answer.version
    );
    Ok(())
}

/// Builds the app and deploys it with a manifest of `examples/kubernetes`, by the commands of the
/// page. The namespace allows as little as Kubernetes can enforce.
fn deployed<'a>(
    case: &'a Case<'a>,
    manifest: &str,
    change: impl FnOnce(&str) -> String,
) -> Result<Terminal<'a>> {
    let terminal = case.cluster_terminal()?;
    deploy(&terminal, manifest, change)?;
    Ok(terminal)
}

/// Builds and deploys the app of a terminal.
fn deploy(
    terminal: &Terminal<'_>,
    manifest: &str,
    change: impl FnOnce(&str) -> String,
) -> Result<()> {
    terminal.enforce("restricted")?;
    let file = terminal.path("examples/kubernetes").join(manifest);
    fs::write(&file, change(&fs::read_to_string(&file)?))?;
    let page = terminal.page(PAGE)?;
    let commands = page.all_blocks("run: kubernetes::kubectl_exec")?;
    for block in &commands[..3] {
        page.follow(&block.with("app.yaml", manifest))?;
    }
    Ok(())
}

/// Deploys an image that was built in the cluster, and checks that a sync restarts the app. `name`
/// is without the registry.
fn expect_reload(terminal: &Terminal<'_>, name: &str) -> Result<()> {
    let deployment = fs::read_to_string(terminal.path("examples/kubernetes/app.yaml"))?
        .replace(&format!("me/{}", terminal.case.named(DEPLOYMENT)), name)
        .replace("replicas: 2", "replicas: 1");
    terminal.apply(&deployment)?;
    let pod = terminal.pod(DEPLOYMENT)?;
    pod.reload("v2", || sync(&pod, &app("v2")?)).map(drop)
}

/// Checks that the page shows the command of an example.
fn expect_same_on_page(terminal: &Terminal<'_>, command: &str) -> Result<()> {
    let [shown] = terminal.page(PAGE)?.blocks()?;
    ensure!(
        shown.text == command,
        "{PAGE} shows another command:\n{}",
        shown.text
    );
    Ok(())
}

/// Syncs versions as each of the tools does, and deletes a file.
fn sync_by_exec(pod: &Container<'_>) -> Result<()> {
    for (version, tar) in [("v3", &TILT), ("v4", &SKAFFOLD)] {
        let app = app(version)?;
        let files = [
            ("workspace/app.py", app.as_bytes()),
            ("workspace/extra.py", b""),
        ];
        pod.reload(version, || pod.extract(tar, &files))?;
    }
    pod.execute(&["rm", "-rf", "/workspace/extra.py"])?;
    pod.execute(&["test", "!", "-e", "/workspace/extra.py"])
        .map(drop)
}

/// Saves three versions of the app.
fn edit_three_times(terminal: &Terminal<'_>, pod: &Container<'_>) -> Result<()> {
    pod.wait_for("v1")?;
    for version in ["v2", "v3", "v4"] {
        let save = || Ok(fs::write(terminal.path(APP), app(version)?)?);
        pod.reload(version, save)?;
    }
    Ok(())
}

/// The example app with this version.
fn app(version: &str) -> Result<String> {
    let app = fs::read_to_string(workspace().join(APP))?;
    let app = app.replace("\"v1\"", &format!("{version:?}"));
    ensure!(app.contains(version), "{APP} has no version");
    Ok(app)
}

/// Syncs a text as the app.
fn sync(pod: &Container<'_>, app: &str) -> Result<()> {
    pod.extract(&TILT, &[("workspace/app.py", app.as_bytes())])
}

/// Saves another file, and deletes it again.
fn add_and_delete(terminal: &Terminal<'_>, pod: &Container<'_>) -> Result<()> {
    let file = terminal.path(DIRECTORY).join("package/extra.py");
    let wait_until_there = |expected: bool| {
        retry(Duration::from_mins(1), || {
            let files = pod.execute(&["ls", "/workspace/package"])?;
            let is_there = files.lines().any(|file| file == "extra.py");
            ensure!(is_there == expected, "the pod has:\n{files}");
            Ok(())
        })
    };
    fs::write(&file, "")?;
    wait_until_there(true)?;
    fs::remove_file(&file)?;
    wait_until_there(false)
}

/// Changes a file that is not synced. Another pod has it.
fn build_again(terminal: &Terminal<'_>, pod: &Container<'_>) -> Result<()> {
    let file = "requirements.txt";
    let path = terminal.path(DIRECTORY).join(file);
    let changed = fs::read_to_string(&path)? + "# Changed.\n";
    fs::write(path, changed)?;
    let next = terminal.pod_after(DEPLOYMENT, &pod.name)?;
    let built = next.execute(&["cat", &format!("/workspace/{file}")])?;
    ensure!(built.ends_with("# Changed."), "the new image has:\n{built}");
    Ok(())
}
