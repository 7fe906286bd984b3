//! The layers that a build contributes. A layer's file has everything about that layer.

mod layer;
pub(crate) mod live_reload;
pub(crate) mod watchexec;
