//! Lazy freeing: one background thread drops large values, so that the data lock is not held meanwhile.

use std::any::Any;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock};

static PENDING: AtomicU64 = AtomicU64::new(0);
static FREED: AtomicU64 = AtomicU64::new(0);

/// Values with more elements than this are freed on the background thread.
pub const EFFORT_THRESHOLD: usize = 64;

type Garbage = (Box<dyn Any + Send>, u64);

/// Drops `garbage`, which counts as `objects` values, on the background thread.
pub fn drop_later(garbage: Box<dyn Any + Send>, objects: u64) {
    static SENDER: OnceLock<Option<Mutex<Sender<Garbage>>>> = OnceLock::new();
    let sender = SENDER.get_or_init(|| {
        let (sender, receiver) = channel::<Garbage>();
        let drain = move || {
            while let Ok((garbage, objects)) = receiver.recv() {
                drop(garbage);
                PENDING.fetch_sub(objects, Ordering::Relaxed);
                FREED.fetch_add(objects, Ordering::Relaxed);
            }
        };
        std::thread::Builder::new().name("lazyfree".into()).spawn(drain).ok().map(|_| Mutex::new(sender))
    });
    // If the thread could not be spawned, the value is dropped here.
    let Some(Ok(sender)) = sender.as_ref().map(Mutex::lock) else { return };
    PENDING.fetch_add(objects, Ordering::Relaxed);
    if sender.send((garbage, objects)).is_err() {
        PENDING.fetch_sub(objects, Ordering::Relaxed);
    }
}

/// The number of values that wait to be freed: INFO's `lazyfree_pending_objects`.
pub fn pending() -> u64 {
    PENDING.load(Ordering::Relaxed)
}

/// The number of values freed so far: INFO's `lazyfreed_objects`.
pub fn freed() -> u64 {
    FREED.load(Ordering::Relaxed)
}

/// Resets [`freed`]: CONFIG RESETSTAT.
pub fn reset_freed() {
    FREED.store(0, Ordering::Relaxed);
}
