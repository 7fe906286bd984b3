//! Owners, modes and times.

use super::arguments::Arguments;
use nix::sys::stat::{Mode, futimens, umask};
use nix::sys::time::TimeSpec;
use nix::unistd::Uid;
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, fchown};
use tar::Header;

/// The attributes of an entry that are applied.
pub(super) struct Rules {
    owner: bool,
    times: bool,
    /// The bits of the mode: all of them with `-p`, which is root's default; else those that the
    /// umask leaves, without set-user-id, set-group-id and sticky.
    mode: u32,
}

impl Rules {
    pub(super) fn of(arguments: &Arguments) -> Self {
        let is_root = Uid::effective().is_root();
        let mode = if arguments.same_permissions.unwrap_or(is_root) {
            0o7777
        } else {
            // The umask can only be read by setting it.
            let masked = umask(Mode::empty());
            umask(masked);
            0o777 & !masked.bits()
        };
        Self {
            owner: arguments.same_owner.unwrap_or(is_root),
            times: !arguments.touch,
            mode,
        }
    }

    pub(super) fn attributes(
        &self,
        header: &Header,
        modified: Option<TimeSpec>,
    ) -> io::Result<Attributes> {
        Ok(Attributes {
            owner: if self.owner {
                let old = header.as_old();
                (id(&old.uid, header.uid())?, id(&old.gid, header.gid())?)
            } else {
                (None, None)
            },
            permissions: Permissions::from_mode(header.mode()? & self.mode),
            modified: modified
                .or_else(|| header_time(header))
                .filter(|_| self.times),
        })
    }
}

/// Owner, mode and modification time of a file.
pub(super) struct Attributes {
    /// User and group; `None` keeps that of a new file.
    owner: (Option<u32>, Option<u32>),
    permissions: Permissions,
    modified: Option<TimeSpec>,
}

impl Attributes {
    pub(super) fn apply(&self, file: &File) -> io::Result<()> {
        let (user, group) = self.owner;
        if user.is_some() || group.is_some() {
            // Before the mode: changing the owner takes the set-user-id bits away.
            fchown(file, user, group)?;
        }
        file.set_permissions(self.permissions.clone())?;
        if let Some(modified) = self.modified {
            futimens(file, &TimeSpec::UTIME_OMIT, &modified)?;
        }
        Ok(())
    }
}

/// The user or group in a field of a header. Some libraries leave the field blank, and GNU tar
/// accepts that.
fn id(field: &[u8], number: io::Result<u64>) -> io::Result<Option<u32>> {
    if field.iter().all(|byte| matches!(byte, 0 | b' ')) {
        return Ok(None);
    }
    let number = number?;
    let id = u32::try_from(number);
    Ok(Some(id.map_err(|_| {
        io::Error::other(format!("its owner {number} is not a user"))
    })?))
}

/// Reads a decimal fraction of seconds. `None` for a time that the system cannot represent.
pub(super) fn pax_time(text: &str) -> Option<TimeSpec> {
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let nanoseconds: u32 = format!("{fraction:0<9.9}").parse().ok()?;
    let seconds: i64 = seconds.parse().ok()?;
    // The system counts nanoseconds forwards, also before 1970.
    if text.starts_with('-') && nanoseconds > 0 {
        let nanoseconds = 1_000_000_000_u32.checked_sub(nanoseconds)?;
        return Some(TimeSpec::new(seconds.checked_sub(1)?, nanoseconds.into()));
    }
    Some(TimeSpec::new(seconds, nanoseconds.into()))
}

/// Reads the modification time of a header. `None` for one that the system cannot represent.
fn header_time(header: &Header) -> Option<TimeSpec> {
    let seconds = header.mtime().ok()?;
    // The library gives the two's complement of a binary number without its sign.
    let seconds = if header.as_old().mtime[0] == 0xff {
        seconds.cast_signed()
    } else {
        seconds.try_into().ok()?
    };
    Some(TimeSpec::new(seconds, 0))
}
