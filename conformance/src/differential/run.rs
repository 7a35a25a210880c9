//! Cases of one seed after the other, until enough commands were played, or too many differ.

use super::case::Case;
use super::engines::{Difference, Engines};
use super::report::to_scenario;
use super::shrink::shrink;
use anyhow::{Context, Result};
use std::path::{Path, PathBuf};
use tokio::time::Instant;

/// How many differences end a run: people read the report.
const ENOUGH: usize = 10;

/// The result of a run.
#[derive(Debug, Default)]
pub struct Totals {
    /// Commands that were played on both engines.
    pub commands: usize,
    /// The differences, shrunk, with their scenario files.
    pub failures: Vec<(Difference, PathBuf)>,
}

/// Plays at least `commands` commands from a seed, unless the deadline comes first. Scenarios of failures go to `folder`.
/// `always_by_users`: as for [`Case::from_seed`].
pub async fn run_seed(
    seed: u64,
    commands: usize,
    always_by_users: bool,
    deadline: Instant,
    folder: &Path,
) -> Result<Totals> {
    let mut engines = Engines::start().await?;
    let mut totals = Totals::default();
    let mut number = 0;
    while totals.commands < commands && Instant::now() < deadline && totals.failures.len() < ENOUGH {
        let case = Case::from_seed(seed.wrapping_mul(1_000_003).wrapping_add(number), always_by_users);
        number += 1;
        totals.commands += case.requests.len();
        let Some(difference) = engines.play(&case).await? else {
            continue;
        };
        let (case, difference) = shrink(&mut engines, case, difference).await?;
        if !totals.failures.iter().any(|(known, _)| is_alike(known, &difference)) {
            let path = folder.join(format!("seed-{seed}-{}.yaml", totals.failures.len() + 1));
            std::fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
            std::fs::write(&path, to_scenario(&case, &difference, seed))
                .with_context(|| format!("write {}", path.display()))?;
            totals.failures.push((difference, path));
        }
    }
    engines.stop().await;
    Ok(totals)
}

/// Whether two differences look like the same one: the same command, and replies with the same beginnings.
fn is_alike(a: &Difference, b: &Difference) -> bool {
    let head = |reply: &[u8]| reply[..reply.len().min(12)].to_vec();
    let heads = |it: &Difference| (it.request.name(), head(&it.upstream), head(&it.ours));
    heads(a) == heads(b)
}
