//! What holds commands up before they run: pauses, and whether any condition is to be looked at at all.

use super::pauses::Pauses;
use crate::base::ids::ClientId;

/// See the module's comment.
#[derive(Debug, Default)]
pub struct Gate {
    /// Some condition may refuse or hold back a command: admission looks at them one by one.
    pub closed: bool,
    /// What holds commands back.
    pub pauses: Pauses,
    /// The session of our primary, where a pause holds its stream back.
    pub held_back_primary: Option<ClientId>,
}
