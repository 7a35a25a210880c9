//! Plays scenarios on engines, several at once, and puts the report together.

use super::known::{Known, of_engine};
use super::report::{EngineReport, Entry, Report};
use super::verdict::{UNKNOWN, Verdict, judge};
use super::{Case, chosen};
use crate::engine::{Engine, on_path};
use crate::failure::{Failure, Outcome};
use crate::scenario::{Cast, Scenario, play};
use crate::yaml::Source;
use std::rc::Rc;
use std::time::Instant;
use tokio::sync::Semaphore;

/// An engine under test.
#[derive(Debug, Clone)]
pub struct Contestant {
    /// As reports call it.
    pub name: String,
    pub engine: Engine,
}

/// What plays are held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Against {
    /// What the real server showed when the scenarios were recorded.
    Recorded,
    /// The redis-server on PATH, which plays every scenario now.
    Redis,
}

/// Plays the scenarios that match the patterns on each engine, `at_once` of them at a time. `heard` is called with each result.
///
/// # Errors
/// No scenario fits a pattern, or an engine is not installed.
pub async fn conform(
    contestants: &[Contestant],
    patterns: &[String],
    against: Against,
    known: Vec<Known>,
    at_once: usize,
    heard: impl Fn(&str, &Entry),
) -> Outcome<Report> {
    let cases = chosen(patterns).map_err(|pattern| {
        Failure::bad_input(format!("no scenario fits `{pattern}`"))
            .hint("a chapter (`sentinel`), a name (`sentinel/walkthrough`), or a pattern (`*/failover*`)")
    })?;
    let reference = match against {
        Against::Recorded => "the recorded transcripts of Redis 7.0.15".to_owned(),
        Against::Redis => version(&Engine::Redis)?,
    };
    let turns = Rc::new(Semaphore::new(at_once.max(1)));
    let has_cli = on_path("redis-cli").is_some();
    let mut engines = Vec::new();
    for contestant in contestants {
        let version = version(&contestant.engine)?;
        let known: Vec<Known> = known.iter().cloned().chain(of_engine(&contestant.name, &version)?).collect();
        let plays = cases.iter().map(|case| {
            let turns = Rc::clone(&turns);
            let (engine, known, heard) = (&contestant.engine, &known, &heard);
            async move {
                let _turn = turns.acquire().await;
                let entry = one(case, engine, &contestant.name, against, has_cli, known).await?;
                heard(&contestant.name, &entry);
                Ok::<_, Failure>(entry)
            }
        });
        let results = all(plays.collect()).await?;
        engines.push(EngineReport { name: contestant.name.clone(), version, results });
    }
    Ok(Report { date: now(), machine: machine(), reference, engines })
}

/// Waits for all, which go on side by side; the results in their order.
async fn all<F: Future<Output = Outcome<Entry>>>(futures: Vec<F>) -> Outcome<Vec<Entry>> {
    use std::task::Poll;
    let mut running: Vec<_> = futures.into_iter().map(|future| Some(Box::pin(future))).collect();
    let mut results: Vec<Option<Outcome<Entry>>> = running.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        let mut waits = false;
        for (slot, result) in running.iter_mut().zip(&mut results) {
            if let Some(future) = slot {
                match future.as_mut().poll(context) {
                    Poll::Ready(done) => {
                        *result = Some(done);
                        *slot = None;
                    }
                    Poll::Pending => waits = true,
                }
            }
        }
        if waits { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    results.into_iter().flatten().collect()
}

async fn one(
    case: &Case,
    engine: &Engine,
    name: &str,
    against: Against,
    has_cli: bool,
    known: &[Known],
) -> Outcome<Entry> {
    let scenario = Scenario::parse(&Source::new(format!("{}.yaml", case.name), case.text))?;
    let mut entry = Entry {
        scenario: case.name.to_owned(),
        description: scenario.description.trim().to_owned(),
        cites: scenario.cites.clone(),
        verdict: Verdict::NotRun,
        known: None,
        remark: None,
        difference: Vec::new(),
        reference: String::new(),
        transcript: String::new(),
        duration: 0.0,
    };
    if scenario.needs_redis_cli() && !has_cli {
        entry.remark = Some("redis-cli is not installed".into());
        return Ok(entry);
    }
    let reference = match against {
        Against::Recorded => case.transcript().map(str::to_owned),
        Against::Redis => Some(play(&scenario, &Cast::of(Engine::Redis), |_| ()).await?.to_text()),
    };
    let Some(reference) = reference else {
        entry.remark = Some("it has not been recorded".into());
        return Ok(entry);
    };
    let began = Instant::now();
    match play(&scenario, &Cast::of(engine.clone()), |_| ()).await {
        Ok(transcript) => {
            entry.transcript = transcript.to_text();
            entry.remark = transcript.stopped;
            (entry.verdict, entry.difference) = judge(&reference, &entry.transcript);
            if entry.verdict != Verdict::Same {
                entry.reference = reference.trim_end().to_owned();
            }
        }
        // The topology did not come up: an option that the engine does not know, or a node that died.
        Err(failure) => {
            let why = failure.to_string();
            let unknown = UNKNOWN.iter().any(|word| why.contains(word));
            entry.verdict = if unknown { Verdict::Unsupported } else { Verdict::Stopped };
            entry.remark = Some(why);
        }
    }
    entry.duration = began.elapsed().as_secs_f64();
    if let Some(known) = known.iter().find(|known| known.concerns(case.name, name)) {
        if known.is(&entry) {
            entry.known = Some(known.reason.trim().to_owned());
        } else {
            let what = if entry.verdict == Verdict::Same { "vanished" } else { "changed" };
            let now = entry.remark.take().map(|remark| format!("\nnow: {remark}")).unwrap_or_default();
            entry.remark =
                Some(format!("a known difference has {what}; it was there because: {}{now}", known.reason.trim()));
        }
    }
    Ok(entry)
}

/// What an engine's program says of itself.
fn version(engine: &Engine) -> Outcome<String> {
    engine.version().map_err(|error| {
        Failure::bad_input(format!("the engine `{engine}` cannot be run: {error}")).hint("name one: --engine NAME=PATH")
    })
}

fn machine() -> String {
    let system = nix::sys::utsname::uname().ok();
    let field = |text: &std::ffi::OsStr| text.to_string_lossy().into_owned();
    let system = system.map(|it| format!("{} {} {}", field(it.sysname()), field(it.release()), field(it.machine())));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    format!("{}, {cores} processors", system.unwrap_or_default())
}

/// The date and the time in UTC, to the second.
fn now() -> String {
    let now = time::OffsetDateTime::now_utc();
    let now = now.replace_nanosecond(0).unwrap_or(now);
    now.format(&time::format_description::well_known::Rfc3339).unwrap_or_default()
}
