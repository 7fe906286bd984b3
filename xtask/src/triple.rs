//! Target triples of rustc and the architectures of images.

use anyhow::{Result, bail};

/// A target triple of a Linux architecture that an image can have.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Triple(String);

impl Triple {
    /// The triple that programs for this machine are built for: the gnu one, whose standard library
    /// rustup installs with the toolchain.
    pub(crate) fn host() -> Result<Self> {
        format!("{}-unknown-linux-gnu", std::env::consts::ARCH).parse()
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether programs are linked to musl, which releases are.
    pub(crate) fn is_musl(&self) -> bool {
        self.0.ends_with("-musl")
    }

    /// The architecture as images and buildpack.toml name it, which is Go's `GOARCH`.
    pub(crate) fn image_arch(&self) -> &'static str {
        // Parsing accepts no other architecture.
        if self.0.starts_with("aarch64-") {
            "arm64"
        } else {
            "amd64"
        }
    }

    /// Whether a file is a program for this architecture, by its ELF header: the machine is a
    /// little-endian number at offset 18 (`e_machine` of the System V ABI).
    pub(crate) fn is_program(&self, contents: &[u8]) -> bool {
        const EM_X86_64: u16 = 62;
        const EM_AARCH64: u16 = 183;
        let machine = match self.image_arch() {
            "arm64" => EM_AARCH64,
            _ => EM_X86_64,
        };
        contents.starts_with(b"\x7fELF") && contents.get(18..20) == Some(&machine.to_le_bytes())
    }
}

impl std::str::FromStr for Triple {
    type Err = anyhow::Error;

    fn from_str(triple: &str) -> Result<Self> {
        match triple {
            "x86_64-unknown-linux-gnu"
            | "x86_64-unknown-linux-musl"
            | "aarch64-unknown-linux-gnu"
            | "aarch64-unknown-linux-musl" => Ok(Self(triple.to_owned())),
            _ => bail!(
                "{triple} is not a target of the buildpack: use \
                 {{x86_64,aarch64}}-unknown-linux-{{gnu,musl}}"
            ),
        }
    }
}

impl std::fmt::Display for Triple {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Triple;

    #[test]
    fn names_architectures_as_images_do() {
        for (triple, arch) in [
            ("x86_64-unknown-linux-musl", "amd64"),
            ("aarch64-unknown-linux-gnu", "arm64"),
        ] {
            assert_eq!(triple.parse::<Triple>().unwrap().image_arch(), arch);
        }
    }

    #[test]
    fn recognizes_programs_of_the_architecture() {
        let this_one = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let host = Triple::host().unwrap();
        assert!(host.is_program(&this_one));
        for triple in ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"] {
            let triple: Triple = triple.parse().unwrap();
            assert_eq!(triple.is_program(&this_one), triple == host);
            assert!(!triple.is_program(b"#!/bin/sh"));
        }
    }

    #[test]
    fn rejects_other_targets() {
        let refusal = "riscv64gc-unknown-linux-gnu".parse::<Triple>().unwrap_err();
        assert!(refusal.to_string().contains("riscv64gc-unknown-linux-gnu"));
    }
}
