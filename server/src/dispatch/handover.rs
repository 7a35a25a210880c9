//! Requests for slots that are being handed over to another primary: which ones wait, which are forwarded to the target, and
//! which come from the source. The handovers themselves are in `slots/`.

use super::keys::keys_of;
use crate::base::slot::Slot;
use crate::base::slot::key_slot;
use crate::resp::RequestParser;
use crate::resp::request::{Args, Limits, Parsed};
use crate::server::client::{Client, ClientFlags};
use crate::server::doc::{Flags, Internal};
use crate::server::effects::Queued;
use crate::server::registry::{Command, Routing};
use crate::server::state::Server;

impl Server {
    /// Whether a request must wait until the slot of its keys has changed hands.
    pub(crate) fn waits_for_handover(&self, client: &Client, command: &Command, args: &Args<'_>) -> bool {
        let Some(handovers) = self.handovers().filter(|handovers| handovers.holds_back()) else { return false };
        let slot = match command.routing {
            Routing::Queue => client.transaction.as_deref().and_then(|transaction| {
                transaction.queue.iter().find_map(|(queued, words)| slot_of(queued, &words.as_args()))
            }),
            _ => slot_of(command, args),
        };
        slot.is_some_and(|slot| handovers.is_paused(slot))
    }

    /// Copies commands that change slots on their way to another primary, so that the target receives them as replicas do.
    pub(crate) fn capture(&mut self, commands: &[Queued], bytes: &[u8]) {
        let limit = self.config.client_output_buffer_limit.replica.hard as usize;
        let mut parser = RequestParser::default();
        for queued in commands.iter().filter(|queued| queued.db == 0) {
            let input = &bytes[queued.start..queued.end];
            let limits = Limits { max_bulk: i64::MAX, authenticated: true };
            let Ok(Parsed::Request { .. }) = parser.parse(input, limits) else { continue };
            let args = parser.args(input);
            let Ok(command) = self.resolve(&args) else { continue };
            let slot = slot_of(command, &args);
            if let Some(handovers) = self.handovers_mut() {
                handovers.keep(slot, command.is(Internal::FLUSHES), input, limit);
            }
        }
    }

    /// Whether a session may write to a slot that another node owns, because the slot is arriving through this session.
    pub(crate) fn arrives_in(&self, client: &Client, slot: Slot) -> bool {
        client.arrival.is_some_and(|id| self.handovers().is_some_and(|handovers| handovers.brings(id, slot)))
            && self.cluster().is_some_and(|core| core.is_incoming(slot))
    }

    /// Whether a request writes to arriving slots, and to nothing else, in the session through which they arrive. Permission
    /// to run `CLUSTER SYNCSLOTS` includes such requests, whatever else the session's user may do with these keys.
    pub fn writes_only_arriving_slots(&self, client: &Client, command: &Command, args: &Args<'_>) -> bool {
        if !client.flags.intersects(ClientFlags::ARRIVAL) || !command.flags.intersects(Flags::WRITE) {
            return false;
        }
        let words: Vec<&[u8]> = args.from(0).collect();
        let keys = keys_of(command.doc, &words, false).unwrap_or_default();
        !keys.is_empty() && keys.iter().all(|key| self.arrives_in(client, key_slot(words[key.index])))
    }
}

/// The slot of a request's first key: in a cluster all its keys share it.
fn slot_of(command: &Command, args: &Args<'_>) -> Option<Slot> {
    match command.routing {
        Routing::Nowhere | Routing::Queue => None,
        Routing::Range { first, .. } => args.at(usize::try_from(first).ok()?).map(key_slot),
        Routing::Words => {
            let words: Vec<&[u8]> = args.from(0).collect();
            let key = keys_of(command.doc, &words, true).ok()?.first()?.index;
            words.get(key).map(|key| key_slot(key))
        }
    }
}
