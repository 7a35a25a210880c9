//! Differences that are known, each with its reason.

use super::case::Request;

/// A difference that is left as it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// The command's name.
    command: &'static str,
    /// What upstream's reply starts with.
    upstream: &'static [u8],
    /// What our reply starts with.
    ours: &'static [u8],
    /// Why.
    #[expect(dead_code, reason = "for the reader of the list")]
    reason: &'static str,
}

/// The list.
const KNOWN: &[Known] = &[];

/// Whether the difference is on the list.
pub(super) fn is_known(request: &Request, upstream: &[u8], ours: &[u8]) -> bool {
    let name = request.name();
    KNOWN.iter().any(|it| it.command == name && upstream.starts_with(it.upstream) && ours.starts_with(it.ours))
}
