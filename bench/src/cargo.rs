//! Running cargo from a program that cargo runs.

use std::process::Command;

/// What cargo tells a program that it runs of the program's package begins with one of these.
const OF_THIS_PACKAGE: [&str; 2] = ["CARGO_MANIFEST_", "CARGO_PKG_"];

/// Cargo, as from a shell. A build script that asks for such variables, as that of ring does, would
/// run again each time that another package's program starts cargo, and with it all that needs it.
#[must_use]
pub fn cargo() -> Command {
    let mut command = Command::new(env!("CARGO"));
    for (name, _) in std::env::vars_os() {
        let of_this_package = name
            .to_str()
            .is_some_and(|name| OF_THIS_PACKAGE.iter().any(|start| name.starts_with(start)));
        if of_this_package {
            command.env_remove(name);
        }
    }
    command
}
