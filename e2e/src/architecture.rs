//! The architectures that packages are for.

/// One of them, by its names.
#[derive(Debug)]
pub(crate) struct Architecture {
    /// As images and buildpack.toml name it.
    pub(crate) name: &'static str,
    /// As Rust names it, for programs that run on any Linux image.
    pub(crate) target: &'static str,
    /// As the header of an ELF file names it (`e_machine`), in one byte.
    machine: u8,
}

/// All of them.
pub(crate) const ALL: [Architecture; 2] = [AMD64, ARM64];

/// This machine's.
pub(crate) const HERE: Architecture = if cfg!(target_arch = "aarch64") {
    ARM64
} else {
    AMD64
};

/// Another one, whose programs do not run here.
pub(crate) const ELSEWHERE: Architecture = if cfg!(target_arch = "aarch64") {
    AMD64
} else {
    ARM64
};

const AMD64: Architecture = Architecture {
    name: "amd64",
    target: "x86_64-unknown-linux-musl",
    machine: 62,
};

const ARM64: Architecture = Architecture {
    name: "arm64",
    target: "aarch64-unknown-linux-musl",
    machine: 183,
};

impl Architecture {
    /// What stands for a program of it where none can be built: the beginning of its header.
    pub(crate) fn stand_in(&self) -> Vec<u8> {
        let mut program = b"\x7fELF\x02\x01\x01".to_vec();
        program.resize(16, 0);
        // A program that is executable, and for which machine.
        program.extend([2, 0, self.machine, 0]);
        program
    }

    /// Whether that is a program of it.
    pub(crate) fn has(&self, program: &[u8]) -> bool {
        program.starts_with(b"\x7fELF") && program.get(18..20) == Some(&[self.machine, 0])
    }
}
