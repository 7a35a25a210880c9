//! CLUSTER and its companions. This server runs by itself; `cluster-enabled yes` is refused at start.

use crate::dispatch::{CommandError, CommandResult, Family, Handler, ServerContext};
use crate::resp::Args;

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("cluster|addslots", Handler::Server(disabled)),
    ("cluster|addslotsrange", Handler::Server(disabled)),
    ("cluster|bumpepoch", Handler::Server(disabled)),
    ("cluster|count-failure-reports", Handler::Server(disabled)),
    ("cluster|countkeysinslot", Handler::Server(disabled)),
    ("cluster|delslots", Handler::Server(disabled)),
    ("cluster|delslotsrange", Handler::Server(disabled)),
    ("cluster|failover", Handler::Server(disabled)),
    ("cluster|flushslots", Handler::Server(disabled)),
    ("cluster|forget", Handler::Server(disabled)),
    ("cluster|getkeysinslot", Handler::Server(disabled)),
    ("cluster|help", Handler::Server(disabled)),
    ("cluster|info", Handler::Server(disabled)),
    ("cluster|keyslot", Handler::Server(disabled)),
    ("cluster|links", Handler::Server(disabled)),
    ("cluster|meet", Handler::Server(disabled)),
    ("cluster|myid", Handler::Server(disabled)),
    ("cluster|nodes", Handler::Server(disabled)),
    ("cluster|replicas", Handler::Server(disabled)),
    ("cluster|replicate", Handler::Server(disabled)),
    ("cluster|reset", Handler::Server(disabled)),
    ("cluster|saveconfig", Handler::Server(disabled)),
    ("cluster|set-config-epoch", Handler::Server(disabled)),
    ("cluster|setslot", Handler::Server(disabled)),
    ("cluster|shards", Handler::Server(disabled)),
    ("cluster|slaves", Handler::Server(disabled)),
    ("cluster|slots", Handler::Server(disabled)),
];

/// What a server without cluster mode says to all of them.
fn disabled(_ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    Err(CommandError::Static("ERR This instance has cluster support disabled"))
}
