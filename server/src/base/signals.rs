//! Flags that the handlers of SIGTERM and SIGINT read. They are global because a handler may not take locks.

use std::sync::atomic::{AtomicBool, Ordering};

/// A dataset is being loaded, so a shutdown has nothing to save and no replicas to wait for.
static LOADING: AtomicBool = AtomicBool::new(false);
/// A shutdown has begun and was not aborted.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Sets whether a dataset is being loaded.
pub fn set_loading(loading: bool) {
    LOADING.store(loading, Ordering::Relaxed);
}

/// Whether a dataset is being loaded.
pub fn is_loading() -> bool {
    LOADING.load(Ordering::Relaxed)
}

/// Sets whether the server is shutting down.
pub fn set_ending(ending: bool) {
    ENDING.store(ending, Ordering::Relaxed);
}

/// Whether the server is shutting down.
pub fn is_ending() -> bool {
    ENDING.load(Ordering::Relaxed)
}
