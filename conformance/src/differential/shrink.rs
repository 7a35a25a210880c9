//! The shortest sequence that still differs.

use super::case::Case;
use super::engines::{Difference, Engines};
use anyhow::Result;

/// Drops requests while the engines still differ; the case that is left, and its difference.
pub async fn shrink(engines: &mut Engines, mut case: Case, mut found: Difference) -> Result<(Case, Difference)> {
    cut_behind(&mut case, &found);
    let mut size = case.requests.len().div_ceil(2);
    loop {
        let mut at = 0;
        while at < case.requests.len() {
            let mut fewer = case.clone();
            fewer.requests.drain(at..(at + size).min(case.requests.len()));
            match engines.play(&fewer).await? {
                Some(difference) => {
                    cut_behind(&mut fewer, &difference);
                    (case, found) = (fewer, difference);
                }
                None => at += size,
            }
        }
        if size == 1 {
            return Ok((case, found));
        }
        size = size.div_ceil(2);
    }
}

/// Requests after a difference cannot have caused it. If an engine closed the connection, replies to earlier requests may be
/// lost as well, and any request may be the cause.
fn cut_behind(case: &mut Case, found: &Difference) {
    if found.is_of_replies() {
        case.requests.truncate(found.at + 1);
    }
}
