//! From a failing sequence to the commands that matter.

use super::grammar::Command;
use super::pair::{Difference, Pair};
use anyhow::Result;

/// Leaves out ever smaller stretches as long as the rest still differs; `None` where the whole does not differ again.
pub async fn shrink(pair: &Pair, protocol: u8, commands: Vec<Command>) -> Result<Option<(Vec<Command>, Difference)>> {
    let Some(mut difference) = pair.differ(protocol, &commands).await? else { return Ok(None) };
    let mut fewest = commands;
    let mut stretch = fewest.len() / 2;
    while stretch > 0 {
        let mut at = 0;
        while at < fewest.len() {
            let end = (at + stretch).min(fewest.len());
            let rest: Vec<Command> = fewest[..at].iter().chain(&fewest[end..]).cloned().collect();
            match pair.differ(protocol, &rest).await? {
                Some(still) => {
                    fewest = rest;
                    difference = still;
                }
                None => at = end,
            }
        }
        stretch /= 2;
    }
    Ok(Some((fewest, difference)))
}
