//! What holds commands back before they run: pauses, and whether any condition has to be checked at all.

use super::pauses::Pauses;
use crate::base::ids::ClientId;

/// The pauses, and whether admission has anything to check.
#[derive(Debug, Default)]
pub struct Gate {
    /// Whether some condition may refuse or hold back a command, so that admission has to check them one by one.
    closed: bool,
    pauses: Pauses,
    /// The session of our primary, while a pause or a script holds its stream back.
    held_back_primary: Option<ClientId>,
}

impl Gate {
    /// Whether some condition may refuse or hold back a command.
    #[inline]
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    /// Stores the result of checking the conditions: see [`Server::refresh_gate`](super::state::Server::refresh_gate).
    #[inline]
    pub(super) fn set_closed(&mut self, closed: bool) {
        self.closed = closed;
    }

    /// The active pauses.
    #[inline]
    pub fn pauses(&self) -> &Pauses {
        &self.pauses
    }

    /// The active pauses, for beginning and ending some.
    pub(crate) fn pauses_mut(&mut self) -> &mut Pauses {
        &mut self.pauses
    }

    /// Notes that the stream of our primary is held back. Its session is signalled when that may be over.
    pub fn hold_back_primary(&mut self, id: Option<ClientId>) {
        self.held_back_primary = id;
    }

    /// Takes the session of our primary if its stream was held back, so that it can retry.
    pub fn release_primary(&mut self) -> Option<ClientId> {
        self.held_back_primary.take()
    }
}
