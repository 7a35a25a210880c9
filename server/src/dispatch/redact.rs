//! Secrets in arguments: MONITOR and SLOWLOG show `(redacted)` in their place.

use super::registry::Command;
use crate::config::lookup;
use crate::config::options::REDACTED;
use crate::resp::Args;

/// The words of a command as they may be shown.
pub fn shown_words<'a>(command: &Command, args: &Args<'a>) -> impl Iterator<Item = &'a [u8]> {
    let args = *args;
    let name = command.name;
    (0..args.len()).map(move |at| if is_secret(name, &args, at) { b"(redacted)" } else { args.get(at) })
}

fn is_secret(name: &str, args: &Args<'_>, at: usize) -> bool {
    match name {
        "auth" => at > 0,
        "hello" => (1..=2).any(|back| at > back && args.is(at - back, "auth") && at - back >= 2),
        "config|set" => {
            at >= 3 && at % 2 == 1 && lookup(args.get(at - 1)).is_some_and(|(option, _)| option.has(REDACTED))
        }
        _ => false,
    }
}
