//! `bin/build`: the layer, its metadata, its reuse, and what a failure leaves.

use crate::support::lifecycle::{Lifecycle, Outcome};
use crate::support::server::{Reply, Server, unused_address};
use crate::support::{ARCHIVE, dependency, put_inside};
use flate2::write::GzEncoder;
use flate2::{Compression, Crc};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use watchexec_release::bundle::Bundle;
use watchexec_release::checksum::Checksum;

fn served(archive: &'static [u8]) -> (Server, Lifecycle) {
    let server = Server::http(move |_| Reply::ok(archive));
    let lifecycle = Lifecycle::new(&dependency(
        "2.8.0",
        &server.url("/watchexec.tar.xz"),
        Checksum::of(archive),
    ));
    (server, lifecycle)
}

/// A failed build: exit status 1, these words, and no layer whose metadata would have it exported.
fn assert_fails(lifecycle: &Lifecycle, words: &[&str]) -> Outcome {
    let outcome = lifecycle.build().assert_failure();
    for word in words {
        assert!(
            outcome.stderr.contains(word),
            "no {word:?} in: {}",
            outcome.stderr
        );
    }
    assert!(outcome.stderr.contains("What to do:"));
    let metadata = fs::read_to_string(lifecycle.layers().join("watchexec.toml"));
    assert_eq!(metadata.unwrap_or_default(), "");
    outcome
}

#[test]
fn installs_the_program_and_its_licence_only() {
    let (_server, lifecycle) = served(ARCHIVE);
    lifecycle.build().assert_success();

    let contents: Vec<String> = lifecycle
        .layer_files()
        .into_iter()
        .filter(|path| path.starts_with("watchexec/"))
        .collect();
    assert_eq!(contents, ["watchexec/LICENSE", "watchexec/bin/watchexec"]);
    let mode = |name: &str| {
        let metadata = fs::symlink_metadata(lifecycle.layer().join(name)).unwrap();
        assert!(metadata.is_file());
        metadata.permissions().mode() & 0o7777
    };
    assert_eq!(mode("bin/watchexec"), 0o755);
    assert_eq!(mode("LICENSE"), 0o644);

    let toml: toml::Table = lifecycle.layer_toml().parse().unwrap();
    assert_eq!(toml["types"]["launch"], true.into());
    assert_eq!(toml["types"]["build"], false.into());
    assert_eq!(toml["types"]["cache"], true.into());
    assert_eq!(toml["metadata"]["version"], "2.8.0".into());
}

#[test]
fn installs_every_kind_of_archive() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/archives");
    // xz -9e; xz -T2 --block-size=8KiB (five blocks); two xz streams in a row; gzip; none.
    for name in [
        "xz-9e.tar.xz",
        "xz-T2.tar.xz",
        "xz-streams.tar.xz",
        "gzip.tar.gz",
        "plain.tar",
    ] {
        let path = folder.join(name);
        let lifecycle = Lifecycle::new(&dependency(
            "2.8.0",
            &format!("file://{}", path.display()),
            Checksum::of(&fs::read(&path).unwrap()),
        ));
        lifecycle.build().assert_success();
        let program = fs::read_to_string(lifecycle.layer().join("bin/watchexec")).unwrap();
        assert_eq!(program, "#!/bin/sh\necho watchexec 9.9.9\n", "{name}");
    }
}

#[test]
fn provides_watchexec_during_the_build_if_required() {
    let (_server, lifecycle) = served(ARCHIVE);
    lifecycle
        .build_with("[[entries]]\nname = \"watchexec\"\n[entries.metadata]\nbuild = true\n")
        .assert_success();
    assert!(lifecycle.layer_toml().contains("build = true"));
}

#[test]
fn keeps_an_equal_cached_layer_without_asking_the_server() {
    let (server, lifecycle) = served(ARCHIVE);
    lifecycle.build().assert_success();
    lifecycle.restore_cache();
    let outcome = lifecycle.build().assert_success();
    assert!(
        outcome
            .stdout
            .contains("Reusing the layer of an earlier build")
    );
    assert_eq!(server.requests().len(), 1);
    assert!(lifecycle.layer_toml().contains("launch = true"));
}

#[test]
fn replaces_the_layer_of_a_changed_dependency_and_logs_why() {
    let (server, lifecycle) = served(ARCHIVE);
    lifecycle.build().assert_success();
    lifecycle.restore_cache();
    lifecycle.set_dependencies(&dependency(
        "2.9.0",
        &server.url("/watchexec.tar.xz"),
        Checksum::of(ARCHIVE),
    ));
    let outcome = lifecycle.build().assert_success();
    assert!(
        outcome.stdout.contains(
            "Discarding the layer of an earlier build: its version was 2.8.0 and is now 2.9.0"
        ),
        "{}",
        outcome.stdout
    );
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn replaces_a_layer_with_other_metadata() {
    let (server, lifecycle) = served(ARCHIVE);
    lifecycle.build().assert_success();
    lifecycle.restore_cache();
    fs::write(
        lifecycle.path("layers/watchexec.toml"),
        "[metadata]\na = 1\n",
    )
    .unwrap();
    let outcome = lifecycle.build().assert_success();
    assert!(outcome.stdout.contains("another version of this buildpack"));
    assert_eq!(server.requests().len(), 2);
}

/// An earlier step of the build, or whoever can write the cache, has changed the layer: the program
/// has the same size and mode.
#[test]
fn replaces_a_cached_layer_whose_content_has_changed() {
    type Change = fn(&Lifecycle);
    let changes: [(&str, Change); 4] = [
        ("bin/watchexec", |lifecycle| {
            let program = lifecycle.layer().join("bin/watchexec");
            let content = fs::read_to_string(&program).unwrap();
            fs::write(&program, content.replace("echo", "true")).unwrap();
        }),
        ("bin", |lifecycle| {
            let (bin, elsewhere) = (lifecycle.layer().join("bin"), lifecycle.path("elsewhere"));
            fs::rename(&bin, &elsewhere).unwrap();
            symlink(elsewhere, bin).unwrap();
        }),
        ("bin/sh", |lifecycle| {
            fs::write(lifecycle.layer().join("bin/sh"), "planted").unwrap();
        }),
        ("bin", |lifecycle| {
            let elsewhere = lifecycle.path("layer-elsewhere");
            fs::rename(lifecycle.layer(), &elsewhere).unwrap();
            symlink(elsewhere, lifecycle.layer()).unwrap();
        }),
    ];
    for (path, change) in changes {
        let (server, lifecycle) = served(ARCHIVE);
        lifecycle.build().assert_success();
        lifecycle.restore_cache();
        let built = lifecycle.layer_files();
        change(&lifecycle);
        let outcome = lifecycle.build().assert_success();
        let why = format!("its {path} is changed or missing");
        assert!(outcome.stdout.contains(&why), "{}", outcome.stdout);
        let mut files = lifecycle.layer_files();
        files.retain(|file| !file.starts_with("launch.toml"));
        assert_eq!(files, built);
        let program = fs::read_to_string(lifecycle.layer().join("bin/watchexec")).unwrap();
        assert_eq!(program, "#!/bin/sh\necho watchexec 9.9.9\n");
        assert_eq!(server.requests().len(), 2);
    }
}

#[test]
fn credentials_of_a_url_reach_neither_layers_nor_log() {
    const SECRET: &str = "s3cr3t";

    let server = Server::http(|_| Reply::ok(ARCHIVE));
    let with_login = |version: &str, path: &str| {
        let credentials = format!("//user-{SECRET}:pass-{SECRET}@");
        let uri = format!("{}?token={SECRET}", server.url(path)).replace("//", &credentials);
        let source = format!("source = \"https:{credentials}example.com/?token={SECRET}\"\n");
        dependency(version, &uri, Checksum::of(ARCHIVE)) + &source
    };
    let lifecycle =
        Lifecycle::new(&with_login("2.8.0", "/one.tar.xz")).with("BP_LOG_LEVEL", "DEBUG");
    let build = || {
        let outcome = lifecycle.build().assert_success();
        assert!(!outcome.output().contains(SECRET), "{}", outcome.output());
        for file in lifecycle.layer_files() {
            let content = fs::read(lifecycle.layers().join(&file)).unwrap();
            let content = String::from_utf8_lossy(&content);
            assert!(!content.contains(SECRET), "{file}");
        }
        lifecycle.restore_cache();
        outcome
    };

    build();
    lifecycle.set_dependencies(&with_login("2.8.0", "/two.tar.xz"));
    let moved = build();
    assert!(
        moved
            .stdout
            .contains("Reusing the layer of an earlier build"),
        "{}",
        moved.stdout
    );
    lifecycle.set_dependencies(&with_login("2.9.0", "/three.tar.xz"));
    let updated = build();
    assert!(
        updated
            .stdout
            .contains("Discarding the layer of an earlier build"),
        "{}",
        updated.stdout
    );
}

#[test]
fn replaces_a_cached_layer_whose_metadata_records_a_url() {
    let (server, lifecycle) = served(ARCHIVE);
    lifecycle.build().assert_success();
    let mut toml: toml::Table = lifecycle.layer_toml().parse().unwrap();
    toml["metadata"]
        .as_table_mut()
        .unwrap()
        .insert("uri".to_owned(), "http://user:s3cr3t@m/w?token=1".into());
    let path = lifecycle.path("layers/watchexec.toml");
    fs::write(path, toml::to_string(&toml).unwrap()).unwrap();
    lifecycle.restore_cache();

    let outcome = lifecycle.build().assert_success();
    assert!(
        outcome.stdout.contains("another version of this buildpack"),
        "{}",
        outcome.stdout
    );
    assert!(!outcome.stdout.contains("s3cr3t"), "{}", outcome.stdout);
    assert!(!lifecycle.layer_toml().contains("s3cr3t"));
    assert_eq!(server.requests().len(), 2);
}

#[test]
fn prefers_the_version_variable_to_the_build_plan() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/archives/plain.tar");
    let checksum = Checksum::of(&fs::read(&path).unwrap());
    let uri = format!("file://{}", path.display());
    let dependencies = ["2.5.1", "2.7.3", "2.8.0"]
        .map(|version| dependency(version, &uri, checksum))
        .concat();
    let version_for_plan = |lifecycle: &Lifecycle, entry: &str| {
        lifecycle.build_with(entry).assert_success();
        let toml: toml::Table = lifecycle.layer_toml().parse().unwrap();
        toml["metadata"]["version"].as_str().unwrap().to_owned()
    };
    let entry = "[[entries]]\nname = \"watchexec\"\n[entries.metadata]\nversion = \"2.7\"\n";

    let lifecycle = Lifecycle::new(&dependencies);
    assert_eq!(version_for_plan(&lifecycle, ""), "2.8.0");
    let lifecycle = Lifecycle::new(&dependencies);
    assert_eq!(version_for_plan(&lifecycle, entry), "2.7.3");
    let lifecycle = Lifecycle::new(&dependencies).with("BP_WATCHEXEC_VERSION", "2.5.*");
    assert_eq!(version_for_plan(&lifecycle, entry), "2.5.1");

    assert_fails(
        &Lifecycle::new(&dependencies).with("BP_WATCHEXEC_VERSION", "9"),
        &[
            "No release satisfies \"9\" (BP_WATCHEXEC_VERSION)",
            "2.8.0, 2.7.3, 2.5.1",
        ],
    );
    assert_fails(
        &Lifecycle::new(&dependencies).with("CNB_TARGET_ARCH", "s390x"),
        &["no watchexec for linux/s390x", "linux/amd64"],
    );
}

#[test]
fn logs_decisions_at_debug() {
    let (_server, lifecycle) = served(ARCHIVE);
    let lifecycle = lifecycle.with("BP_LOG_LEVEL", "DEBUG");
    let outcome = lifecycle.build().assert_success();
    assert!(
        outcome
            .stdout
            .contains("[debug] URL set by the uri of buildpack.toml")
    );
}

#[test]
fn logs_every_step() {
    let (server, lifecycle) = served(ARCHIVE);
    let outcome = lifecycle.build().assert_success();
    let log = outcome
        .stdout
        .replace(&server.url(""), "http://server")
        .replace(&lifecycle.path("app").display().to_string(), "/workspace");
    insta::assert_snapshot!(log);
    assert_eq!(outcome.stderr, "");
}

/// A buildpack with a release inside, whose URL leads nowhere.
fn offline() -> Lifecycle {
    let lifecycle = Lifecycle::new(&dependency(
        "2.8.0",
        &format!("http://{}/watchexec.tar.xz", unused_address()),
        Checksum::of(ARCHIVE),
    ));
    put_inside(&lifecycle.buildpack(), ARCHIVE);
    lifecycle
}

#[test]
fn installs_a_release_inside_the_buildpack_without_a_server() {
    let lifecycle = offline();
    lifecycle.build().assert_success();
    assert!(lifecycle.layer().join("bin/watchexec").is_file());
    assert!(lifecycle.layer_toml().contains("cache = false"));
}

#[test]
fn rejects_a_changed_release_inside_the_buildpack() {
    let lifecycle = offline();
    let bundle = Bundle::directory(&lifecycle.buildpack(), Checksum::of(ARCHIVE));
    for file in fs::read_dir(bundle).unwrap() {
        fs::write(file.unwrap().path(), "changed").unwrap();
    }
    assert_fails(&lifecycle, &["has changed since it was packaged"]);
}

#[test]
fn reuses_unchanged_layers_of_the_previous_image_without_their_content() {
    let lifecycle = offline();
    lifecycle.build().assert_success();
    let built = lifecycle.layer_files();
    let metadata = lifecycle.layer_toml();
    lifecycle.restore_cache();

    let outcome = lifecycle.build().assert_success();
    assert!(
        outcome
            .stdout
            .contains("Reusing the layer of an earlier build")
    );
    assert!(
        !outcome.stdout.contains("Wrote SBOMs"),
        "{}",
        outcome.stdout
    );
    assert_eq!(lifecycle.layer_toml(), metadata);
    let without_content: Vec<&String> = (built.iter())
        .filter(|file| !file.starts_with("watchexec/") && !file.starts_with("live-reload/"))
        .collect();
    assert_eq!(
        lifecycle.layer_files().iter().collect::<Vec<_>>(),
        without_content
    );

    // A lost SBOM has to be made of verified files.
    lifecycle.restore_cache();
    for file in &without_content {
        if file.contains(".sbom.") {
            fs::remove_file(lifecycle.layers().join(file)).unwrap();
        }
    }
    let outcome = lifecycle.build().assert_success();
    assert!(
        outcome.stdout.contains("its SBOMs are changed or missing"),
        "{}",
        outcome.stdout
    );
    assert_eq!(lifecycle.layer_files(), built);
}

#[test]
fn rewrites_a_bundled_layer_that_the_build_needs() {
    let lifecycle = offline();
    lifecycle.build().assert_success();
    lifecycle.restore_cache();
    let entry = "[[entries]]\nname = \"watchexec\"\n[entries.metadata]\nbuild = true\n";
    lifecycle.build_with(entry).assert_success();
    assert!(lifecycle.layer().join("bin/watchexec").is_file());
}

#[test]
fn rejects_an_archive_in_place_of_a_bundle() {
    let (server, lifecycle) = served(ARCHIVE);
    let folder = Bundle::directory(&lifecycle.buildpack(), Checksum::of(ARCHIVE));
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("watchexec.tar.xz"), ARCHIVE).unwrap();
    assert_fails(&lifecycle, &["has changed since it was packaged"]);
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn rejects_a_wrong_checksum() {
    let server = Server::http(|_| Reply::ok(ARCHIVE));
    let lifecycle = Lifecycle::new(&dependency(
        "2.8.0",
        &server.url("/w.tar.xz"),
        Checksum::of(b"another"),
    ));
    assert_fails(
        &lifecycle,
        &[
            "has the wrong checksum",
            " kB and has a different checksum:",
            &Checksum::of(b"another").to_string(),
            &Checksum::of(ARCHIVE).to_string(),
        ],
    );
    assert_eq!(
        server.requests().len(),
        1,
        "a whole body is not asked for again"
    );
}

#[test]
fn leaves_no_layer_after_a_failed_rebuild() {
    let (server, lifecycle) = served(ARCHIVE);
    lifecycle.build().assert_success();
    lifecycle.restore_cache();
    lifecycle.set_dependencies(&dependency(
        "2.9.0",
        &server.url("/w.tar.xz"),
        Checksum::of(b"another"),
    ));
    assert_fails(&lifecycle, &["has the wrong checksum"]);
    lifecycle.set_dependencies(&dependency(
        "2.9.0",
        &server.url("/w.tar.xz"),
        Checksum::of(ARCHIVE),
    ));
    lifecycle.build().assert_success();
}

#[test]
fn downloads_nothing_without_a_usable_checksum() {
    let server = Server::http(|_| Reply::ok(ARCHIVE));
    for (entry, words) in [
        ("", "neither `checksum` nor `sha256`"),
        ("checksum = \"\"", "neither `checksum` nor `sha256`"),
        ("checksum = \"md5:0123\"", "is not a sha256 checksum"),
        ("checksum = \"sha256:0123\"", "64 hexadecimal digits"),
    ] {
        let lifecycle = Lifecycle::new(&format!(
            "[[metadata.dependencies]]\nid = \"watchexec\"\nversion = \"2.8.0\"\nuri = {:?}\n{entry}\n",
            server.url("/w.tar.xz")
        ));
        assert_fails(&lifecycle, &[words]);
    }
    assert_eq!(server.requests().len(), 0);
}

#[test]
fn rejects_an_archive_without_watchexec() {
    for (archive, words) in [
        (&b"<html>sign in</html>"[..], "neither xz, gzip nor tar"),
        (&ARCHIVE[..ARCHIVE.len() / 2], "truncated or damaged"),
    ] {
        let server = Server::http(move |_| Reply::ok(archive));
        let uri = server.url("/w.tar.xz");
        let lifecycle = Lifecycle::new(&dependency("2.8.0", &uri, Checksum::of(archive)));
        assert_fails(&lifecycle, &[words]);
    }
}

/// `xz -9e` with a dictionary of 1 GiB in its header: the properties of the filter are followed by
/// padding and the checksum of the header (the .xz file format, "Block Header").
fn with_large_dictionary() -> Vec<u8> {
    let mut archive = ARCHIVE.to_vec();
    let header = 12..12 + 4 * usize::from(archive[12]);
    let properties = header
        .clone()
        .find(|index| archive[*index..].starts_with(&[0x21, 1]));
    archive[properties.unwrap() + 2] = 36;
    let mut checksum = Crc::new();
    checksum.update(&archive[header.clone()]);
    archive[header.end..header.end + 4].copy_from_slice(&checksum.sum().to_le_bytes());
    archive
}

#[test]
fn bombs_take_little_memory() {
    // 25 MB beside what a build takes that installs a release of 21 kB.
    let memory = |more: usize| -> &'static str {
        format!("ulimit -v {}; exec timeout 120 \"$@\"", 27_000 + more).leak()
    };
    let build = |archive: &[u8], shell| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("archive");
        fs::write(&file, archive).unwrap();
        let uri = format!("file://{}", file.display());
        let lifecycle = Lifecycle::new(&dependency("2.8.0", &uri, Checksum::of(archive)));
        lifecycle.in_shell(shell).build()
    };
    build(ARCHIVE, memory(0)).assert_success();

    let compressed = |content: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    };
    let entry = |size: u64| {
        let mut header = tar::Header::new_gnu();
        header.set_path("a/x").unwrap();
        header.set_size(size);
        header.set_cksum();
        header.as_bytes().to_vec()
    };
    let zeros = compressed(&vec![0; 8 << 20]).repeat(256);
    let large = [compressed(&entry(2 << 30)), zeros].concat();
    let entries = compressed(&entry(0).repeat(100)).repeat(3_000);
    let members = [compressed(b"").repeat(400_000), compressed(&entry(0))].concat();
    for (archive, why) in [
        (large, "decodes to more than"),
        (entries, "more than 10000 entries"),
        (members, "no file named watchexec"),
        (with_large_dictionary(), "truncated or damaged"),
    ] {
        let outcome = build(&archive, memory(25_000)).assert_failure();
        assert!(outcome.stderr.contains(why), "{}", outcome.stderr);
    }
}

#[test]
fn names_a_missing_file_and_an_unknown_scheme() {
    for (uri, words) in [
        (
            "file:///missing/w.tar.xz",
            ["/missing/w.tar.xz", "--volume"],
        ),
        (
            "ftp://example.com/w.tar.xz",
            ["\"ftp\"", "https, http and file"],
        ),
    ] {
        let lifecycle = Lifecycle::new(&dependency("2.8.0", uri, Checksum::of(ARCHIVE)));
        assert_fails(&lifecycle, &words);
    }
}

#[test]
fn explains_its_arguments() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_watchexec-buildpack"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("bin/detect <platform> <plan>")
    );
}

#[test]
fn builds_if_standard_output_is_full() {
    let (_server, lifecycle) = served(ARCHIVE);
    let lifecycle = lifecycle.in_shell("exec \"$@\" > /dev/full");
    lifecycle.build().assert_success();
    assert!(lifecycle.layers().join("launch.toml").exists());
}

/// Called by hand in a directory of sources instead of by the lifecycle.
#[test]
fn deletes_nothing_in_a_directory_that_has_no_layers() {
    for checksum in [Checksum::of(ARCHIVE), Checksum::of(b"another")] {
        let server = Server::http(|_| Reply::ok(ARCHIVE));
        let uri = server.url("/w.tar.xz");
        let lifecycle = Lifecycle::new(&dependency("2.8.0", &uri, checksum));
        let sources = ["app.py", "watchexec/notes.txt", "live-reload/notes.txt"];
        for name in sources {
            let path = lifecycle.path("app").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "source").unwrap();
        }
        // Writes the build plan.
        lifecycle.build_command("");
        let (platform, plan) = (
            lifecycle.path("platform"),
            lifecycle.path("buildpack-plan.toml"),
        );
        let arguments = [Path::new("."), &platform, &plan];
        let outcome = lifecycle.phase("build", &arguments).assert_failure();
        assert!(outcome.stderr.contains("What to do:"), "{}", outcome.stderr);
        for name in sources {
            let text = fs::read_to_string(lifecycle.path("app").join(name)).unwrap();
            assert_eq!(text, "source", "{name}");
        }
    }
}

/// The version that a build with this variable, and with these entries in the build plan, installs.
fn installed(lifecycle: &Lifecycle, entries: &str) -> String {
    lifecycle.build_with(entries).assert_success();
    let toml: toml::Table = lifecycle.layer_toml().parse().unwrap();
    toml["metadata"]["version"].as_str().unwrap().to_owned()
}

#[test]
fn installs_a_pre_release_only_if_it_is_asked_for() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/archives/xz-9e.tar.xz");
    let uri = format!("file://{}", path.display());
    let versions = [
        "2.9.0-rc.1",
        "2.8.0",
        "2.8.0-next.1",
        "2.7.0+linux.1",
        "2.7.0",
    ];
    let dependencies = versions.map(|version| dependency(version, &uri, Checksum::of(ARCHIVE)));
    let new = || Lifecycle::new(&dependencies.concat());
    assert_eq!(installed(&new(), ""), "2.8.0");
    for wanted in versions {
        let lifecycle = new().with("BP_WATCHEXEC_VERSION", wanted);
        assert_eq!(installed(&lifecycle, ""), wanted);
    }
    let number = "[[entries]]\nname = \"watchexec\"\nmetadata = { version = 2.7 }\n";
    let outcome = new().build_with(number).assert_failure();
    for words in [
        "the build plan asks for \"2.7\"",
        "it is a TOML float, not a string",
        "BP_WATCHEXEC_VERSION",
    ] {
        assert!(
            outcome
                .stderr
                .to_lowercase()
                .contains(&words.to_lowercase()),
            "{}",
            outcome.stderr
        );
    }
    let overruled = new().with("BP_WATCHEXEC_VERSION", "2.8.0");
    assert_eq!(installed(&overruled, number), "2.8.0");
}

#[test]
fn looks_at_entries_for_its_target_only() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/archives/xz-9e.tar.xz");
    let (uri, checksum) = (format!("file://{}", path.display()), Checksum::of(ARCHIVE));
    // A JRE, and watchexec in the form of Paketo's entries.
    let others =
        "[[metadata.dependencies]]\nid = \"jre\"\nversion = \"17.0\"\nlicenses = [\"MIT\"]\n";
    let entry = |arch: &str, uri: &str| {
        format!(
            "[[metadata.dependencies]]\nid = \"watchexec\"\nversion = \"2.8.0\"\nuri = {uri:?}\n\
             sha256 = \"{}\"\npurl = \"pkg:generic/watchexec@2.8.0?arch={arch}\"\n",
            checksum.hex()
        )
    };
    let arm = entry("arm64", "file:///missing/arm64");
    let lifecycle = Lifecycle::new(&format!("{others}{arm}{}", entry("amd64", &uri)));
    lifecycle.detect().assert_success();
    assert_eq!(installed(&lifecycle, ""), "2.8.0");
    let off = lifecycle.with("BP_LIVE_RELOAD_ENABLED", "false");
    assert_eq!(off.detect().status, 100);
}

#[test]
fn makes_layer_directories_accessible_under_any_umask() {
    for inside in [false, true] {
        let (_server, lifecycle) = served(ARCHIVE);
        let lifecycle = lifecycle.in_shell("umask 077; exec \"$@\"");
        if inside {
            put_inside(&lifecycle.buildpack(), ARCHIVE);
        }
        lifecycle.build().assert_success();
        for name in [
            "watchexec",
            "watchexec/bin",
            "watchexec/bin/watchexec",
            "live-reload",
            "live-reload/bin",
            "live-reload/bin/live-reload",
        ] {
            let metadata = fs::metadata(lifecycle.layers().join(name)).unwrap();
            assert_eq!(metadata.permissions().mode() & 0o7777, 0o755, "{name}");
        }
    }
}
