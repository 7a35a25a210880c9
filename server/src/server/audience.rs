//! Who hears of what without asking each time.

use super::tracking::Tracking;
use crate::pubsub::PubSub;

/// Those who are sent messages: subscribers, monitors, and clients that keep keys in caches.
#[derive(Default)]
pub struct Audience {
    /// Who is subscribed to which channel, and who monitors.
    pub pubsub: PubSub,
    /// Which clients may hold which keys in caches.
    pub tracking: Tracking,
}
