//! The scripts that operators configure: they are queued, run a few at a time, are retried after temporary failures, and
//! killed if they hang.

use super::address::Address;
use super::effect::{Effect, ScriptEnd};
use super::state::Sentinel;
use crate::base::clock::Millis;
use crate::base::level::Level;

/// How many scripts may be queued: beyond that the oldest one that is not running is dropped.
const MAX_QUEUED: usize = 256;
/// The most scripts that run at once.
const MAX_RUNNING: usize = 16;
/// How often a script is tried at most.
const MAX_TRIES: u32 = 10;

/// A script that waits or runs.
#[derive(Debug)]
pub struct Script {
    /// By which the network layer knows it.
    pub job: u64,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Whether it waits or runs.
    pub state: ScriptState,
    /// How often it was started.
    pub tries: u32,
}

/// What a script is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScriptState {
    /// It waits for a free place, and after a failure for this time.
    Waits {
        /// When it may be tried again; `None` for one that never ran.
        not_before: Option<Millis>,
    },
    /// Its process is running.
    Runs {
        /// Its process id, once the network layer has said it.
        pid: Option<u32>,
        /// When it was started.
        since: Millis,
        /// It ran for too long, and its process is being killed.
        killed: bool,
    },
}

impl Script {
    /// Whether it was started and has not ended.
    pub fn runs(&self) -> bool {
        matches!(self.state, ScriptState::Runs { .. })
    }
}

/// The scripts that wait or run.
#[derive(Debug)]
pub struct Scripts {
    /// The scripts, in the order in which they were queued.
    pub queue: Vec<Script>,
    next: u64,
    pub(super) due: Millis,
}

impl Default for Scripts {
    fn default() -> Self {
        Self { queue: Vec::new(), next: 0, due: Millis::MAX }
    }
}

impl Scripts {
    /// Number of scripts that run.
    pub fn running(&self) -> usize {
        self.queue.iter().filter(|script| script.runs()).count()
    }
}

impl Sentinel {
    /// Queues a script; the oldest that waits gives way if there are too many.
    pub(super) fn schedule_script(&mut self, argv: Vec<String>) {
        let scripts = &mut self.scripts;
        scripts.next += 1;
        scripts.queue.push(Script {
            job: scripts.next,
            argv,
            state: ScriptState::Waits { not_before: None },
            tries: 0,
        });
        if scripts.queue.len() > MAX_QUEUED
            && let Some(oldest) = scripts.queue.iter().position(|script| !script.runs())
        {
            scripts.queue.remove(oldest);
        }
        // Behind the effects of what caused it.
        self.scripts.due = self.moment.now;
    }

    /// `client-reconfig-script`: the primary changed.
    pub(super) fn call_reconfig_script(&mut self, m: usize, role: &str, from: &Address, to: &Address) {
        let Some(script) = self.primaries[m].reconfig_script.clone() else { return };
        let shown = |address: &Address| address.shown(self.settings.announce_hostnames).to_owned();
        let argv = vec![
            script,
            self.primaries[m].name().to_owned(),
            role.to_owned(),
            "start".to_owned(),
            shown(from),
            from.port.to_string(),
            shown(to),
            to.port.to_string(),
        ];
        self.schedule_script(argv);
    }

    /// Starts what may run, kills what runs for too long.
    pub(super) fn advance_scripts(&mut self) {
        let (now, limit) = (self.moment.now, self.timing.script_max_runtime);
        let mut late = Vec::new();
        for script in &mut self.scripts.queue {
            if let ScriptState::Runs { pid, since, killed: killed @ false } = &mut script.state
                && now - *since > limit
            {
                *killed = true;
                late.push((script.job, format!("{} {}", script.argv[0], pid.unwrap_or(0))));
            }
        }
        for (job, text) in late {
            self.out.push(Effect::KillScript(job));
            self.emit_text(Level::Warning, "-script-timeout", None, text);
        }
        let mut free = MAX_RUNNING.saturating_sub(self.scripts.running());
        for script in &mut self.scripts.queue {
            let ScriptState::Waits { not_before } = script.state else { continue };
            if not_before.is_some_and(|time| time > now) {
                continue;
            }
            if free == 0 {
                break;
            }
            free -= 1;
            script.state = ScriptState::Runs { pid: None, since: now, killed: false };
            script.tries += 1;
            self.out.push(Effect::RunScript { job: script.job, argv: script.argv.clone() });
        }
        let times = self.scripts.queue.iter().filter_map(|script| match script.state {
            ScriptState::Runs { killed: true, .. } => None,
            ScriptState::Runs { since, .. } => Some(since + limit + 1),
            ScriptState::Waits { not_before } => Some(not_before.map_or(now + 1, |time| time.max(now + 1))),
        });
        self.scripts.due = times.min().unwrap_or(Millis::MAX);
    }

    pub(super) fn script_started(&mut self, job: u64, pid: u32) {
        if let Some(script) = self.scripts.queue.iter_mut().find(|script| script.job == job) {
            if let ScriptState::Runs { pid: known, .. } = &mut script.state {
                *known = Some(pid);
            }
            self.emit_text(Level::Debug, "+script-child", None, pid.to_string());
        }
    }

    /// A script has ended. Exit code 0 means success; after 1 or a signal it is tried again; after anything else it is given
    /// up.
    pub(super) fn script_ended(&mut self, job: u64, end: ScriptEnd) {
        let Some(at) = self.scripts.queue.iter().position(|script| script.job == job) else { return };
        let (signal, code) = match end {
            ScriptEnd::Code(code) => (0, code),
            ScriptEnd::Signal(signal) => (signal, 0),
            ScriptEnd::NotStarted => (99, 0),
        };
        let script = &mut self.scripts.queue[at];
        let pid = if let ScriptState::Runs { pid: Some(pid), .. } = script.state { pid } else { 0 };
        let (path, tries) = (script.argv[0].clone(), script.tries);
        self.emit_text(Level::Debug, "-script-child", None, format!("{pid} {code} {signal}"));
        let may_pass = matches!(end, ScriptEnd::Code(1) | ScriptEnd::Signal(_) | ScriptEnd::NotStarted);
        if may_pass && tries < MAX_TRIES {
            let delay = self.timing.script_retry_delay.saturating_mul(1 << (tries - 1).min(16));
            self.scripts.queue[at].state = ScriptState::Waits { not_before: Some(self.moment.now + delay) };
        } else {
            self.scripts.queue.remove(at);
            if end != ScriptEnd::Code(0) {
                self.emit_text(Level::Warning, "-script-error", None, format!("{path} {signal} {code}"));
            }
        }
        self.scripts.due = self.moment.now;
    }
}

#[cfg(test)]
mod tests {
    use super::super::effect::Input;
    use super::*;
    use crate::base::machine::Machine;
    use crate::base::random::Random;
    use crate::config::Config;
    use crate::config::file::Loader;

    /// A Sentinel with scripts, started at 0; its first effects.
    fn sentinel() -> (Sentinel, Vec<Effect>) {
        let text = "sentinel monitor m 10.0.0.1 6379 1\nsentinel notification-script m /bin/tell\n\
                    sentinel client-reconfig-script m /bin/move\nsentinel myid 0123456789012345678901234567890123456789";
        let mut nowhere = |_: &std::path::Path| Ok(());
        let mut loader = Loader::new(Config::default(), true, &mut nowhere);
        loader.text(text.as_bytes()).unwrap();
        let mut sentinel = Sentinel::new(0, Random::from_seed(1));
        sentinel.configure_from(&loader.finish().unwrap().sentinel, &|_| None).unwrap();
        let mut out = Vec::new();
        sentinel.act(0, &(), &mut out, Sentinel::start);
        sentinel.handle(0, &(), Input::Tick, &mut out);
        (sentinel, out)
    }

    fn started(effects: &[Effect]) -> Vec<Vec<String>> {
        let runs = effects.iter().filter_map(|effect| match effect {
            Effect::RunScript { argv, .. } => Some(argv.clone()),
            _ => None,
        });
        runs.collect()
    }

    /// Calls the machine up to a time, whenever it asks to be called.
    fn run_to(sentinel: &mut Sentinel, end: Millis) -> Vec<(Millis, Effect)> {
        let mut all = Vec::new();
        loop {
            let now = sentinel.next_wakeup().unwrap_or(end).min(end);
            let mut out = Vec::new();
            sentinel.handle(now, &(), Input::Tick, &mut out);
            all.extend(out.into_iter().map(|effect| (now, effect)));
            if now == end {
                return all;
            }
        }
    }

    #[test]
    fn a_script_hears_of_what_matters_and_of_the_new_primary() {
        let (mut sentinel, out) = sentinel();
        assert_eq!(started(&out), [["/bin/tell", "+monitor", "master m 10.0.0.1 6379 quorum 1"]]);
        let mut out = Vec::new();
        let hello = format!("10.0.0.9,26379,{:040},1,m,10.0.0.2,6379,1", 1).into_bytes();
        sentinel.handle(1, &(), Input::Hello(hello), &mut out);
        sentinel.handle(2, &(), Input::Tick, &mut out);
        let last = started(&out).pop().unwrap();
        assert_eq!(last, ["/bin/move", "m", "observer", "start", "10.0.0.1", "6379", "10.0.0.2", "6379"]);
    }

    #[test]
    fn failures_that_may_pass_are_tried_again_later_and_later_and_others_are_not() {
        let (mut sentinel, out) = sentinel();
        let Some(Effect::RunScript { job, .. }) = out.iter().find(|it| matches!(it, Effect::RunScript { .. })) else {
            panic!("no script runs: {out:?}");
        };
        let job = *job;
        let mut starts = vec![0];
        for _ in 0..4 {
            let now = *starts.last().unwrap();
            sentinel.handle(now, &(), Input::ScriptEnded { job, end: ScriptEnd::Code(1) }, &mut Vec::new());
            let ran = run_to(&mut sentinel, now + 400_000);
            let again =
                |(_, effect): &&(Millis, Effect)| matches!(effect, Effect::RunScript { job: it, .. } if *it == job);
            starts.push(ran.iter().find(again).expect("it is tried again").0);
            // Later scripts, of the primary that is down meanwhile, do not matter here.
            sentinel.scripts.queue.retain(|script| script.job == job);
        }
        let delays: Vec<Millis> = starts.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert_eq!(delays, [30_000, 60_000, 120_000, 240_000]);
        let mut out = Vec::new();
        let now = sentinel.now();
        sentinel.handle(now, &(), Input::ScriptEnded { job, end: ScriptEnd::Code(2) }, &mut out);
        assert!(out.iter().any(
            |it| matches!(it, Effect::Event { name: "-script-error", payload, .. } if payload == "/bin/tell 0 2")
        ));
        assert!(sentinel.scripts.queue.is_empty());
    }

    #[test]
    fn a_script_that_hangs_is_killed() {
        let (mut sentinel, _) = sentinel();
        let ran = run_to(&mut sentinel, 61_000);
        let kills: Vec<Millis> =
            ran.iter().filter(|(_, it)| matches!(it, Effect::KillScript(1))).map(|(time, _)| *time).collect();
        assert_eq!(kills, [60_001]);
    }
}
