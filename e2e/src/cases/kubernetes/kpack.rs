//! kpack builds in pods, from a repository that the suite serves.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use fs_err as fs;
use harness::certificates::Authority;
use harness::server::{Reply, Server};

use super::expect_reload;
use crate::buildpacks::buildpack_of;
use crate::case::{Case, cases};
use crate::command::{free_port, retry, wait_for};
use crate::directories::copy;
use crate::offline;
use crate::package::offering;
use crate::running::Running;
use crate::terminal::{Page, Terminal};

cases![kpack];

/// How long a build may take. kpack looks for a change once a minute.
const PATIENCE: Duration = Duration::from_mins(5);
/// The URL of watchexec in the package that needs a mirror, which does not exist.
const ELSEWHERE: &str = "https://watchexec.invalid/releases/watchexec.tar.xz";
/// The images, buildpacks and the repository on the page.
const DOCKER_HUB: &str = "docker.io/";
const REPOSITORY: &str = "https://github.com/live-reload/watchexec-buildpack";
/// The suite's repository, seen from the directory of the page.
const REPOSITORIES: &str = "../../repositories/repository";
const COMMIT: &str =
    "git add . && git -c user.name=e2e -c user.email=e2e@localhost commit --quiet --message Change";

/// The image of the example reloads in a pod, and is built again when the source changes. These
/// builds use the offline package. Another image gets watchexec by bindings, from a mirror with a
/// private CA.
fn kpack(case: &Case<'_>) -> Result<()> {
    let terminal = case.cluster_terminal()?;
    // The service account of the page's builder exists.
    terminal.kubectl(&["config", "set-context", "--current", "--namespace=default"])?;
    let cluster = case.platform.cluster()?;
    let local = cluster.registry()?;
    let registry = cluster.reach(local.parse()?)?;
    offline::install_kpack(&terminal, &registry)?;

    let page = terminal.page("examples/kpack/README.md")?;
    let daemon = format!("127.0.0.1:{}", free_port()?);
    let _serving = serve_repository(&page, &daemon)?;
    let repository = format!("git://{}/repository", cluster.reach(daemon.parse()?)?);
    for file in ["README.md", "buildpack.yaml", "builder.yaml", "image.yaml"] {
        let file = terminal.path("examples/kpack").join(file);
        let text = fs::read_to_string(&file)?
            .replace(local, &registry)
            .replace(DOCKER_HUB, &format!("{registry}/"))
            .replace(REPOSITORY, &repository);
        fs::write(&file, text)?;
    }
    push_public_images(&page, &registry)?;

    let page = terminal.page("examples/kpack/README.md")?;
    let [package, apply] = page.blocks()?;
    let buildpack = terminal.path("target/package/buildpack");
    copy(case.platform.package_offline()?, &buildpack)?;
    page.follow(&package)?;
    page.follow(&apply)?;

    let image = case.named("example-python");
    expect_reload(&terminal, &format!("apps/{image}-dev"))?;

    page.run(&format!(
        "cd {REPOSITORIES}; echo changed >examples/python/extra; {COMMIT}"
    ))?;
    wait_for_build(&terminal, &format!("{image}-dev"), 2)?;

    bound(&terminal, &page, &registry)
}

/// An image whose watchexec comes from a mirror, which its bindings make known and trusted.
fn bound(terminal: &Terminal<'_>, page: &Page<'_>, registry: &str) -> Result<()> {
    let case = terminal.case;
    let cluster = case.platform.cluster()?;
    let archive = &case.platform.archive;
    let online = offering(&case.platform.buildpack, "for-kpack", archive, ELSEWHERE)?;
    let online = format!("pack buildpack package {registry}/online --path {online} --publish");
    page.run(&online)?;
    let buildpack = terminal.path("examples/kpack/buildpack.yaml");
    let buildpack = fs::read_to_string(buildpack)?;
    let offline = format!("{registry}/live-reload/watchexec:0.1.0");
    let latest = "jsonpath={.items[0].status.latestImage}";
    let builder = || terminal.kubectl(&["get", "clusterbuilder", "--output", latest]);
    let before = builder()?;
    terminal.apply(&buildpack.replace(&offline, &format!("{registry}/online")))?;
    wait_for(PATIENCE, || Ok((builder()? != before).then_some(())))?;

    let authority = Authority::new();
    let reply = Reply::ok(&archive.contents);
    let host = registry.split(':').next().unwrap_or_default();
    let mirror = Server::https(authority.server(host), move |_| reply.clone());
    let address = cluster.reach(mirror.address())?;
    let operators = terminal.page("docs/networks.md")?;
    fs::write(terminal.path("private-ca.pem"), authority.pem())?;
    let [secrets] = operators.blocks()?;
    operators.follow(&secrets.with("mirror.example.com", &address))?;

    let (_, services) = operators
        .text
        .split_once("The Image names them:\n\n```yaml\nspec:\n  build:\n")
        .context("the page has no services")?;
    let (services, _) = services
        .split_once("```")
        .context("the block does not end")?;
    let name = case.named("example-python");
    let image = fs::read_to_string(terminal.path("examples/kpack/image.yaml"))?
        .replace(&format!("{name}-dev"), &format!("{name}-bound"))
        .replace("  build:\n", &format!("  build:\n{services}"));
    terminal.apply(&image)?;
    wait_for_build(terminal, &format!("{name}-bound"), 1)?;
    let asked = mirror.requests().into_iter().map(|request| request.target);
    let expected = ["/watchexec.invalid/releases/watchexec.tar.xz"];
    ensure!(asked.eq(expected), "the mirror was not asked");
    Ok(())
}

/// Waits for this build of an image, which has to succeed.
fn wait_for_build(terminal: &Terminal<'_>, image: &str, number: usize) -> Result<()> {
    let name = format!("builds.kpack.io/{image}-build-{number}");
    let condition = "jsonpath={.status.conditions[?(@.type==\"Succeeded\")].status}";
    let status = retry(PATIENCE, || {
        // kpack may not have created the build yet.
        let status = terminal.kubectl(&["get", &name, "--output", condition])?;
        let has_ended = status == "True" || status == "False";
        ensure!(has_ended, "{name} has not ended: {status:?}");
        Ok(status)
    })?;
    let label = format!("image.kpack.io/image={image}");
    let log = [
        "logs",
        "--all-containers",
        "--tail=-1",
        "--selector",
        &label,
    ];
    ensure!(
        status == "True",
        "{name} failed:\n{}",
        terminal.kubectl(&log)?
    );
    Ok(())
}

/// A repository with the Python example, and a server for it.
fn serve_repository(page: &Page<'_>, address: &str) -> Result<Running> {
    let (host, port) = address.split_once(':').context("an address has a port")?;
    page.run(&format!(
        "mkdir -p {REPOSITORIES}/examples; cp -R ../python {REPOSITORIES}/examples/
        cd {REPOSITORIES}; git init --quiet --initial-branch main
        git config uploadpack.allowAnySHA1InWant true; {COMMIT}"
    ))?;
    page.start(&format!(
        "git daemon --reuseaddr --export-all --base-path=../../repositories --listen={host} --port={port}"
    ))
}

/// Pushes stand-ins for the base images and buildpacks that builder.yaml and buildpack.yaml name.
fn push_public_images(page: &Page<'_>, registry: &str) -> Result<()> {
    let case = page.case();
    let (engine, images) = (&case.platform.engine, &case.platform.images);
    let base = case.named("base");
    engine.derive(
        &base,
        &images.base,
        None,
        &["LABEL io.buildpacks.stack.id=heroku-26"],
    )?;
    let local = case.platform.cluster()?.registry()?;
    engine.push(&base, &format!("{local}/{}", images.base))?;
    for name in ["python", "procfile"] {
        let directory = buildpack_of(&format!("heroku/{name}"));
        page.run(&format!(
            "pack buildpack package {registry}/heroku/buildpack-{name} --path {} --publish",
            directory.display()
        ))?;
    }
    Ok(())
}
