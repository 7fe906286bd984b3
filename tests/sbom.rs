//! The SBOMs: their content, that they are valid by the published schemas, and when they are
//! written.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod schemas;
mod support;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use insta::assert_snapshot;
use libcnb::data::buildpack::Buildpack;
use object::write::Object;
use object::{Architecture, BinaryFormat, Endianness, SectionKind};
use schemas::Schemas;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;
use support::dependency;
use support::lifecycle::Lifecycle;
use tar::{Builder, Header};
use watchexec_release::bundle::Bundle;
use watchexec_release::catalog::{Dependency, Release};
use watchexec_release::checksum::Checksum;
use watchexec_release::files::Installed;
use watchexec_release::safe_url::SafeUrl;
use watchexec_release::sbom::crates::{self, Crate};
use watchexec_release::sbom::documents;
use watchexec_release::sbom::subject::Subject;

/// An entry of buildpack.toml with the required keys only.
const LEAST: &str = "
id = 'watchexec'
version = '2.8.0'
uri = 'https://example.com/watchexec.tar.xz'
";

/// An entry with all keys that are read.
const FULL: &str = "
id = 'watchexec'
name = 'Watchexec'
version = '2.8.0'
uri = 'https://user:password@example.com/watchexec.tar.xz?token=secret'
os = 'linux'
arch = 'amd64'
purl = 'pkg:github/watchexec/watchexec@v2.8.0?arch=amd64'
cpes = ['cpe:2.3:a:watchexec:watchexec:2.8.0:*:*:*:*:*:*:*', 'cpe:/a:watchexec:watchexec:2.8.0']
source = 'https://example.com/source.tar.gz'
source-checksum = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

[[licenses]]
type = 'Apache-2.0'
uri = 'https://example.com/LICENSE'
";

/// A list as `cargo auditable` writes it: a crate of this workspace, two of crates.io, one from
/// elsewhere, and two that only took part in the build.
const AUDIT: &str = r#"{"packages":[
{"name":"clap","version":"4.5.0","source":"crates.io","dependencies":[3]},
{"name":"embed-resource","version":"3.0.0","source":"crates.io","kind":"build","dependencies":[5]},
{"name":"forked","version":"0.1.0","source":"git"},
{"name":"libc","version":"0.2.150+sys.1","source":"crates.io"},
{"name":"watchexec-cli","version":"2.8.0","source":"local","dependencies":[3,0,1,2,3],"root":true},
{"name":"winnow","version":"0.7.0","source":"crates.io","kind":"build"}
],"format":1}"#;

fn parse(entry: &str) -> Dependency {
    toml::from_str(entry).unwrap()
}

fn buildpack() -> Buildpack {
    toml::from_str("id = 'live-reload/watchexec'\nversion = '1.2.3'").unwrap()
}

fn installed() -> Installed {
    Installed {
        program: Checksum::of(b"program"),
        license: Some(Checksum::of(b"license")),
    }
}

/// The three documents, as the platform gets them.
fn written(entry: &str, crates: Option<&[Crate]>) -> [String; 3] {
    let (buildpack, dependency, installed) = (buildpack(), parse(entry), installed());
    let release = Release {
        dependency: dependency.clone(),
        checksum: Checksum::of(b"archive"),
        url: SafeUrl::parse(&dependency.uri).unwrap(),
        available: Vec::new(),
    };
    let subject = Subject {
        crates,
        ..Subject::release(&buildpack, &release, &installed)
    };
    documents(&subject).map(|(_, document)| String::from_utf8(document).unwrap())
}

/// A program with the section of `cargo auditable`.
fn program(section: &[u8]) -> Vec<u8> {
    let mut object = Object::new(
        BinaryFormat::Elf,
        Architecture::X86_64,
        object::Endianness::Little,
    );
    let id = object.add_section(Vec::new(), b".dep-v0".to_vec(), SectionKind::ReadOnlyData);
    object.append_section_data(id, section, 1);
    object.write().unwrap()
}

fn zlib(content: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn audited() -> Vec<Crate> {
    crates::read(&program(&zlib(AUDIT.as_bytes())))
        .unwrap()
        .unwrap()
}

fn values(documents: &[String; 3]) -> [Value; 3] {
    documents
        .each_ref()
        .map(|document| serde_json::from_str(document).unwrap())
}

fn assert_valid(schemas: &Schemas, documents: &[String; 3], what: &str) {
    let problems = schemas.problems(&values(documents));
    assert_eq!(problems, [[""; 0]; 3], "{what}: {documents:?}");
}

#[test]
fn writes_each_document_in_full() {
    let [cyclonedx, spdx, syft] = written(FULL, Some(&audited()));
    assert_snapshot!("cyclonedx", cyclonedx);
    assert_snapshot!("spdx", spdx);
    assert_snapshot!("syft", syft);
}

#[test]
fn writes_valid_documents_for_any_entry() {
    let schemas = Schemas::new();
    let crates = audited();
    let license = |text: &str| format!("[[licenses]]\ntype = '{text}'\n");
    let entries = [
        LEAST.to_owned(),
        FULL.to_owned(),
        format!("{LEAST}{}", license("MIT OR Apache-2.0")),
        format!(
            "{LEAST}{}{}",
            license("MIT OR Apache-2.0"),
            license("GPL-2.0-only WITH Classpath-exception-2.0")
        ),
        format!("{LEAST}{}{}", license("House rules"), license("MIT")),
        format!("{LEAST}[[licenses]]\nuri = 'no address'\n"),
        LEAST.replace("https://example.com", "file:///opt/with space"),
        LEAST.replace("2.8.0", "2.8.0-rc.1+build.5"),
        format!("{LEAST}purl = ''\ncpes = ['', ' ', 'none']\n"),
        format!("{LEAST}purl = 'none'\n"),
        // Values that would end a string, a document or a line.
        LEAST.replace("'watchexec'", r#""\"}], \u0007\n\u202e{""#),
        format!("{LEAST}name = \"\"\"\\\"}},\n\\u0000\"\"\"\npurl = 'pkg:cargo/\"}}]@1?a=\"'\n"),
    ];
    for entry in &entries {
        assert_valid(&schemas, &written(entry, None), entry);
        assert_valid(&schemas, &written(entry, Some(&[])), entry);
        assert_valid(&schemas, &written(entry, Some(&crates)), entry);
    }
    // The validators do find errors.
    let broken = written(LEAST, None).map(|document| document.replace("\"name\"", "\"nam\""));
    for problems in schemas.problems(&values(&broken)) {
        assert!(!problems.is_empty());
    }
}

#[test]
fn writes_licences_by_the_rules_of_each_format() {
    let entry = format!(
        "{LEAST}[[licenses]]\ntype = 'House rules'\nuri = 'https://example.com/rules'\n\
         [[licenses]]\ntype = 'MIT OR ISC'\n[[licenses]]\ntype = 'BSD-3-Clause'\n"
    );
    let [cyclonedx, spdx, syft] =
        written(&entry, None).map(|document| serde_json::from_str::<Value>(&document).unwrap());
    // An expression must be the only licence, so here it is written as a name.
    assert_eq!(
        cyclonedx["components"][0]["licenses"],
        json!([
            {"license": {"name": "House rules", "url": "https://example.com/rules"}},
            {"license": {"name": "MIT OR ISC"}},
            {"license": {"id": "BSD-3-Clause"}},
        ])
    );
    assert_eq!(
        spdx["packages"][0]["licenseDeclared"],
        "LicenseRef-House-rules AND (MIT OR ISC) AND BSD-3-Clause"
    );
    assert_eq!(
        spdx["hasExtractedLicensingInfos"],
        json!([{
            "licenseId": "LicenseRef-House-rules",
            "name": "House rules",
            "extractedText": "See https://example.com/rules",
            "seeAlsos": ["https://example.com/rules"],
        }])
    );
    let expressions: Vec<&Value> = syft["artifacts"][0]["licenses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|license| &license["spdxExpression"])
        .collect();
    assert_eq!(expressions, ["", "MIT OR ISC", "BSD-3-Clause"]);
}

#[test]
fn leaves_out_an_empty_purl_and_cpe() {
    let documents = values(&written(&format!("{LEAST}purl = ''\ncpes = ['']\n"), None));
    assert_eq!(documents, values(&written(LEAST, None)));
}

#[test]
fn defines_every_licence_that_it_refers_to() {
    let license = |name: &str| Crate {
        license: Some(name.to_owned()),
        ..audited().remove(0)
    };
    let crates = [
        license("Unknown 1.0"),
        license("MIT"),
        license("House rules"),
    ];
    let entry = format!("{LEAST}[[licenses]]\ntype = 'House rules'\n");
    let [_, spdx, _] = values(&written(&entry, Some(&crates)));
    let declared: Vec<&str> = (spdx["packages"].as_array().unwrap().iter())
        .map(|package| package["licenseDeclared"].as_str().unwrap())
        .collect();
    let [house, unknown] = ["LicenseRef-House-rules", "LicenseRef-Unknown-1.0"];
    assert_eq!(declared, [house, unknown, "MIT", house]);
    let defined: Vec<(&Value, &Value)> = (spdx["hasExtractedLicensingInfos"].as_array())
        .unwrap()
        .iter()
        .map(|defined| (&defined["licenseId"], &defined["name"]))
        .collect();
    assert_eq!(
        defined,
        [
            (&json!(house), &json!("House rules")),
            (&json!(unknown), &json!("Unknown 1.0")),
        ]
    );
}

#[test]
fn writes_no_credential_to_a_document() {
    for document in written(FULL, None) {
        assert!(!document.contains("password"), "{document}");
        assert!(!document.contains("secret"), "{document}");
    }
}

#[test]
fn identifies_documents_by_their_content() {
    let identities = |entry: &str| {
        let [cyclonedx, spdx, _] =
            written(entry, None).map(|document| serde_json::from_str::<Value>(&document).unwrap());
        [
            cyclonedx["serialNumber"].to_string(),
            spdx["documentNamespace"].to_string(),
        ]
    };
    assert_eq!(written(FULL, None), written(FULL, None));
    let mut all: Vec<String> = [
        identities(FULL),
        identities(LEAST),
        identities(&LEAST.replace("2.8.0", "2.8.1")),
        identities(&format!("{LEAST}purl = 'pkg:github/watchexec/watchexec'\n")),
    ]
    .concat();
    all.sort();
    let count = all.len();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn reads_the_crates_of_the_program() {
    let crates = audited();
    let names: Vec<&str> = crates.iter().map(|of| of.name.as_str()).collect();
    // Those of the build are left out, and the indices point at the right ones still.
    assert_eq!(names, ["clap", "forked", "libc", "watchexec-cli"]);
    assert_eq!(crates[3].dependencies, [0, 1, 2]);
    assert!(crates[3].root);
}

#[test]
fn accepts_a_program_without_a_list_of_crates() {
    let without = Object::new(BinaryFormat::Elf, Architecture::X86_64, Endianness::Little);
    for program in [&without.write().unwrap()[..], b"#!/bin/sh\n", b""] {
        assert_eq!(crates::read(program).unwrap(), None);
    }
}

#[test]
fn rejects_a_list_of_crates_that_is_damaged_or_too_large() {
    let refused = |program: &[u8]| crates::read(program).unwrap_err().to_string();
    let bomb = zlib(&vec![b' '; 9 << 20]);
    assert_eq!(refused(&program(&bomb)), "it is larger than 8 MiB");
    refused(&program(b"not zlib"));
    for json in ["", "{}", "{\"packages\":[{\"name\":1}]}"] {
        refused(&program(&zlib(json.as_bytes())));
    }
    // A cut program: its section table lies behind its end.
    let whole = program(&zlib(AUDIT.as_bytes()));
    refused(&whole[..whole.len() - 1]);
}

/// A tar with one file, in a folder that outlives the build.
fn archive(folder: &Path, program: &[u8]) -> String {
    let mut builder = Builder::new(Vec::new());
    let mut header = Header::new_ustar();
    header.set_size(program.len() as u64);
    builder
        .append_data(&mut header, "w/watchexec", program)
        .unwrap();
    let bytes = builder.into_inner().unwrap();
    let path = folder.join("watchexec.tar");
    fs::write(&path, &bytes).unwrap();
    dependency(
        "2.8.0",
        &format!("file://{}", path.display()),
        Checksum::of(&bytes),
    )
}

const FILES: [&str; 3] = [
    "watchexec.sbom.cdx.json",
    "watchexec.sbom.spdx.json",
    "watchexec.sbom.syft.json",
];

fn sboms(lifecycle: &Lifecycle) -> [String; 3] {
    sboms_of(lifecycle, "watchexec")
}

fn sboms_of(lifecycle: &Lifecycle, layer: &str) -> [String; 3] {
    let files = FILES.map(|name| lifecycle.layers().join(name.replace("watchexec", layer)));
    files.map(|file| fs::read_to_string(file).unwrap())
}

#[test]
fn describes_the_layer_and_its_crates() {
    let folder = tempfile::tempdir().unwrap();
    let program = program(&zlib(AUDIT.as_bytes()));
    let lifecycle = Lifecycle::new(&archive(folder.path(), &program));
    let outcome = lifecycle.build().assert_success();
    assert!(
        outcome
            .stdout
            .contains("SBOMs: CycloneDX, SPDX, Syft, listing 4 crates"),
        "{}",
        outcome.stdout
    );

    let documents = sboms(&lifecycle);
    assert_valid(&Schemas::new(), &documents, "build");
    let digest = Checksum::of(&program).hex();
    for document in &documents {
        assert!(document.contains(&digest));
        assert!(document.contains("pkg:cargo/libc@0.2.150%2Bsys.1"));
        assert!(document.contains("test/watchexec"));
    }
}

#[test]
fn describes_live_reload() {
    let folder = tempfile::tempdir().unwrap();
    let lifecycle = Lifecycle::new(&archive(folder.path(), b"program"));
    lifecycle.build().assert_success();
    let program = fs::read(lifecycle.layers().join("live-reload/bin/live-reload")).unwrap();
    let documents = sboms_of(&lifecycle, "live-reload");
    assert_valid(&Schemas::new(), &documents, "live-reload");
    for document in documents {
        assert!(document.contains(&Checksum::of(&program).hex()));
    }
}

#[test]
fn warns_of_a_list_of_crates_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let lifecycle = Lifecycle::new(&archive(folder.path(), &program(b"not zlib")));
    let outcome = lifecycle.build().assert_success();
    assert!(
        outcome
            .stdout
            .contains("Warning: the list of crates inside watchexec cannot be read"),
        "{}",
        outcome.stdout
    );
    assert_valid(&Schemas::new(), &sboms(&lifecycle), "build");
}

#[test]
fn describes_a_kept_layer_again_only_if_its_description_changed() {
    let folder = tempfile::tempdir().unwrap();
    let entry = archive(folder.path(), b"program");
    let lifecycle = Lifecycle::new(&entry);
    lifecycle.build().assert_success();
    let first = sboms(&lifecycle);
    let kept = || {
        lifecycle.restore_cache();
        let outcome = lifecycle.build().assert_success();
        assert!(
            outcome
                .stdout
                .contains("Reusing the layer of an earlier build")
        );
        outcome.stdout.contains("Wrote SBOMs")
    };

    assert!(!kept());
    assert_eq!(sboms(&lifecycle), first);

    fs::remove_file(lifecycle.layers().join(FILES[1])).unwrap();
    assert!(kept(), "one was not restored");
    assert_eq!(sboms(&lifecycle), first);

    lifecycle.set_dependencies(&format!("{entry}purl = 'pkg:github/watchexec/watchexec'\n"));
    assert!(kept(), "buildpack.toml says more than it did");
    let second = sboms(&lifecycle);
    for document in &second {
        assert!(document.contains("pkg:github/watchexec/watchexec"));
    }

    assert!(!kept());
    assert_eq!(sboms(&lifecycle), second);
}

#[test]
fn replaces_whatever_is_in_the_place_of_an_sbom() {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside");
    fs::write(&outside, "outside").unwrap();
    let lifecycle = Lifecycle::new(&archive(folder.path(), b"program"));
    lifecycle.build().assert_success();
    let first = sboms(&lifecycle);
    lifecycle.restore_cache();
    let [link, directory, _] = FILES.map(|name| lifecycle.layers().join(name));
    fs::remove_file(&link).unwrap();
    symlink(&outside, &link).unwrap();
    fs::remove_file(&directory).unwrap();
    fs::create_dir(&directory).unwrap();
    lifecycle.build().assert_success();
    assert_eq!(sboms(&lifecycle), first);
    assert_eq!(fs::read_to_string(outside).unwrap(), "outside");
}

/// The SBOM was lost, and an earlier step of the build has put another program into the layer.
#[test]
fn describes_only_programs_that_this_build_has_verified() {
    let folder = tempfile::tempdir().unwrap();
    let lifecycle = Lifecycle::new(&archive(folder.path(), b"program"));
    lifecycle.build().assert_success();
    let first = sboms(&lifecycle);
    lifecycle.restore_cache();
    let planted = program(&zlib(AUDIT.as_bytes()));
    fs::write(lifecycle.layer().join("bin/watchexec"), &planted).unwrap();
    for name in FILES {
        fs::remove_file(lifecycle.layers().join(name)).unwrap();
    }
    let outcome = lifecycle.build().assert_success();
    assert!(
        outcome
            .stdout
            .contains("its bin/watchexec is changed or missing"),
        "{}",
        outcome.stdout
    );
    assert_eq!(sboms(&lifecycle), first);
    let installed = fs::read(lifecycle.layer().join("bin/watchexec")).unwrap();
    assert_eq!(installed, b"program");
}

/// The same with a release inside the buildpack, whose file was changed.
#[test]
fn describes_no_changed_program_inside_the_buildpack() {
    let folder = tempfile::tempdir().unwrap();
    let lifecycle = Lifecycle::new(&archive(folder.path(), b"program"));
    let bytes = fs::read(folder.path().join("watchexec.tar")).unwrap();
    support::put_inside(&lifecycle.buildpack(), &bytes);
    lifecycle.build().assert_success();
    lifecycle.restore_cache();
    let bundle = Bundle::directory(&lifecycle.buildpack(), Checksum::of(&bytes));
    for file in fs::read_dir(bundle).unwrap() {
        fs::write(file.unwrap().path(), "Program").unwrap();
    }
    // The layer of the previous image needs neither the release nor new SBOMs.
    lifecycle.build().assert_success();
    assert!(!lifecycle.layer().exists());

    lifecycle.restore_cache();
    fs::remove_file(lifecycle.layers().join(FILES[0])).unwrap();
    let outcome = lifecycle.build().assert_failure();
    let why = "A file of the buildpack is missing or has changed since it was packaged";
    assert!(outcome.stderr.contains(why), "{}", outcome.stderr);
}

#[test]
fn writes_the_declared_formats_only() {
    let folder = tempfile::tempdir().unwrap();
    let entry = archive(folder.path(), b"program");
    let lifecycle = Lifecycle::new(&entry);
    let build = |formats: &str| {
        lifecycle.set_dependencies(&entry);
        lifecycle.set_sbom_formats(formats);
        let outcome = lifecycle.build().assert_success();
        lifecycle.restore_cache();
        let mut files = lifecycle.layer_files();
        files.retain(|file| file.contains(".sbom."));
        (files, outcome.stdout)
    };
    let (files, log) = build("[]");
    assert_eq!(files, [""; 0]);
    assert!(!log.contains("SBOM"), "{log}");
    let (files, log) = build(
        "[\"Application/vnd.cyclonedx+json; version=1.6\", \"application/spdx+json\", \"text/plain\"]",
    );
    assert_eq!(files.len(), 4, "{files:?}");
    assert!(log.contains("Wrote SBOMs: CycloneDX, SPDX\n"), "{log}");
    // The restored layers are kept, without the SPDX document.
    let (files, log) = build("[\"application/vnd.cyclonedx+json\"]");
    let expected = ["live-reload.sbom.cdx.json", "watchexec.sbom.cdx.json"];
    assert_eq!(files, expected);
    assert!(log.contains("Reusing the layer"), "{log}");
}

#[test]
fn states_the_licence_of_live_reload() {
    let folder = tempfile::tempdir().unwrap();
    let lifecycle = Lifecycle::new(&archive(folder.path(), b"program"));
    let descriptor = lifecycle.buildpack().join("buildpack.toml");
    let text = fs::read_to_string(&descriptor).unwrap();
    let license =
        "[[buildpack.licenses]]\ntype = \"Apache-2.0\"\nuri = \"https://example.com/L\"\n";
    fs::write(&descriptor, format!("{text}\n{license}")).unwrap();
    lifecycle.build().assert_success();
    let [cyclonedx, spdx, syft] = values(&sboms_of(&lifecycle, "live-reload"));
    assert_eq!(
        cyclonedx["components"][0]["licenses"],
        json!([{"license": {"id": "Apache-2.0", "url": "https://example.com/L"}}])
    );
    assert_eq!(spdx["packages"][0]["licenseDeclared"], "Apache-2.0");
    assert_eq!(
        syft["artifacts"][0]["licenses"][0]["spdxExpression"],
        "Apache-2.0"
    );
}

#[test]
fn lists_the_crates_of_live_reload() {
    let folder = tempfile::tempdir().unwrap();
    let lifecycle = Lifecycle::new(&archive(folder.path(), b"program"));
    let program = lifecycle.buildpack().join("bin/live-reload");
    let list = serde_json::to_string(&audited()).unwrap();
    fs::write(crates::list_beside(&program), list).unwrap();
    lifecycle.build().assert_success();
    let documents = sboms_of(&lifecycle, "live-reload");
    assert_valid(&Schemas::new(), &documents, "live-reload");
    for document in documents {
        assert!(document.contains("pkg:cargo/clap@4.5.0"), "{document}");
    }

    fs::write(crates::list_beside(&program), "no list").unwrap();
    fs::remove_dir_all(lifecycle.layers()).unwrap();
    fs::create_dir(lifecycle.layers()).unwrap();
    let outcome = lifecycle.build().assert_failure();
    assert!(
        outcome.stderr.contains("bin/live-reload.crates.json"),
        "{}",
        outcome.stderr
    );
}

/// Syft reads all SBOMs of an image and merges packages with equal references.
#[test]
fn gives_the_parts_of_different_layers_different_references() {
    let folder = tempfile::tempdir().unwrap();
    let program = program(&zlib(AUDIT.as_bytes()));
    let lifecycle = Lifecycle::new(&archive(folder.path(), &program));
    let list = serde_json::to_string(&audited()).unwrap();
    let live_reload = lifecycle.buildpack().join("bin/live-reload");
    fs::write(crates::list_beside(&live_reload), list).unwrap();
    lifecycle.build().assert_success();
    let references = |name: &str| {
        let [cyclonedx, spdx, syft] = values(&sboms_of(&lifecycle, name));
        let all = [
            (&cyclonedx["components"], "bom-ref"),
            (&spdx["packages"], "SPDXID"),
            (&syft["artifacts"], "id"),
            (&syft["files"], "id"),
        ];
        let all = all.into_iter().flat_map(|(parts, key)| {
            let parts = parts.as_array().unwrap();
            parts.iter().map(move |part| part[key].to_string())
        });
        all.collect::<BTreeSet<String>>()
    };
    let (first, second) = (references("watchexec"), references("live-reload"));
    assert!(first.len() > 10 && second.len() > 10);
    assert_eq!(first.intersection(&second).next(), None);
}

/// Documents go wherever the image goes.
#[test]
fn shows_no_path_of_the_packager() {
    let folder = tempfile::tempdir().unwrap();
    let lifecycle = Lifecycle::new(&archive(folder.path(), b"program"));
    lifecycle.build().assert_success();
    let path = folder.path().to_str().unwrap();
    for document in sboms(&lifecycle) {
        assert!(!document.contains(path), "{document}");
    }
    let [_, spdx, _] = values(&sboms(&lifecycle));
    assert_eq!(spdx["packages"][0]["downloadLocation"], "NOASSERTION");
}

#[test]
fn gives_the_same_bytes_in_each_build() {
    let folder = tempfile::tempdir().unwrap();
    let entry = archive(folder.path(), &program(&zlib(AUDIT.as_bytes())));
    let build = || {
        let lifecycle = Lifecycle::new(&entry);
        lifecycle.build().assert_success();
        let layers = lifecycle.layers();
        lifecycle
            .layer_files()
            .into_iter()
            .map(|name| {
                let mut content = fs::read(layers.join(&name)).unwrap();
                // The namespace contains the layer's path, which is the same in each real build.
                if name.ends_with("PATH.prepend") {
                    let path = String::from_utf8(content).unwrap();
                    content = path.replace(layers.to_str().unwrap(), "").into_bytes();
                }
                (name, content)
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(build(), build());
}
