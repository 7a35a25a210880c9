//! What the handlers of SIGTERM and SIGINT must know. A handler may lock nothing, so these are flags of the process.

use std::sync::atomic::{AtomicBool, Ordering};

/// A dataset is being loaded: there is nothing to save, and nobody to wait for.
static LOADING: AtomicBool = AtomicBool::new(false);
/// A shutdown was begun and has not been called off.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Says whether a dataset is being loaded.
pub fn set_loading(loading: bool) {
    LOADING.store(loading, Ordering::Relaxed);
}

/// Whether a dataset is being loaded.
pub fn is_loading() -> bool {
    LOADING.load(Ordering::Relaxed)
}

/// Says whether the process is on its way to its end.
pub fn set_ending(ending: bool) {
    ENDING.store(ending, Ordering::Relaxed);
}

/// Whether the process is on its way to its end.
pub fn is_ending() -> bool {
    ENDING.load(Ordering::Relaxed)
}
