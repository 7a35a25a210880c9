//! Differences that are known, each with its reason.

use super::case::Request;
use runner::client::{Reply, Style, print};

/// A difference that is left as it is.
#[derive(Debug, Clone, Copy)]
struct Known {
    command: &'static str,
    /// What upstream's reply contains, as it is printed.
    upstream: &'static str,
    /// What our reply contains.
    ours: &'static str,
    #[expect(dead_code, reason = "for the reader of the list")]
    reason: &'static str,
}

const KNOWN: &[Known] = &[
    Known {
        command: "OBJECT",
        upstream: "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        ours: "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
        reason: "help is in our own words, as summaries are",
    },
    Known {
        command: "OBJECT",
        upstream: "(integer) 1",
        ours: "(integer) 2147483647",
        reason: "our integers have no reference counts: small ones answer as shared, also where COPY and RESTORE make upstream's their own",
    },
    Known {
        command: "OBJECT",
        upstream: "(integer) 2",
        ours: "(integer) 1",
        reason: "upstream counts the reference that a transaction's queued command still holds on its argument",
    },
];

/// Whether the difference is on the list.
pub(super) fn is_known(request: &Request, upstream: &Reply, ours: &Reply) -> bool {
    let name = request.name();
    let of_command = KNOWN.iter().filter(|it| it.command == name);
    let shown = |reply| print(reply, Style::Exact);
    of_command.into_iter().any(|it| shown(upstream).contains(it.upstream) && shown(ours).contains(it.ours))
}
