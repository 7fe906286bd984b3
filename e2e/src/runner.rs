//! Runs the cases: lists and filters them as `cargo test` does, on a platform that they share.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use libtest_mimic::{Completion, Trial};

use crate::case::{Case, Listed, name};
use crate::cases::{ALONE, TOGETHER};
use crate::platform::{Impossible, Platform};

/// All cases as trials. Listing them needs no platform.
pub(crate) fn trials(platform: &Arc<OnceLock<Platform>>) -> Vec<Trial> {
    let turn = Arc::new(RwLock::new(()));
    let trial = |(path, run): Listed, alone: bool| {
        let (platform, turn) = (Arc::clone(platform), Arc::clone(&turn));
        Trial::ignorable_test(name(path), move || {
            let platform = platform.get().ok_or("the platform was not provided")?;
            let case = Case::new(path, platform);
            let result = if alone {
                let _turn = turn.write().unwrap_or_else(PoisonError::into_inner);
                run(&case)
            } else {
                let _turn = turn.read().unwrap_or_else(PoisonError::into_inner);
                run(&case)
            };
            match result {
                Ok(()) => Ok(Completion::Completed),
                Err(error) => match error.downcast_ref::<Impossible>() {
                    Some(Impossible(reason)) => Ok(Completion::ignored_with(reason)),
                    None => Err(format!("{error:#}").into()),
                },
            }
        })
    };
    let alone = ALONE.concat().into_iter();
    let together = TOGETHER.concat().into_iter();
    alone
        .map(|listed| trial(listed, true))
        .chain(together.map(|listed| trial(listed, false)))
        .collect()
}
