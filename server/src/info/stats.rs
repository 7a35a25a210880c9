//! Counters behind INFO's Stats, Commandstats, Errorstats and Latencystats.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::latency::LatencyMonitor;
use super::slowlog::Slowlog;

/// What is known of one command's runs.
#[derive(Debug, Default)]
pub struct CommandStats {
    /// Runs.
    pub calls: u64,
    /// Nanoseconds in all.
    pub nanos: u64,
    /// Refused before they ran.
    pub rejected: u64,
    /// Ended with an error.
    pub failed: u64,
    /// Latencies in nanoseconds.
    pub latencies: Option<Box<Histogram<u64>>>,
}

impl CommandStats {
    /// Records one run's time.
    #[inline]
    pub fn record_latency(&mut self, nanos: u64) {
        let histogram = self.latencies.get_or_insert_with(|| {
            // One nanosecond to one second, two significant digits, as Redis keeps them.
            Box::new(Histogram::new_with_bounds(1, 1_000_000_000, 2).expect("the bounds are constant and valid"))
        });
        histogram.saturating_record(nanos.max(1));
    }
}

/// Bytes at the beginning of an error among which the blank behind its code is looked for.
const CODE_ENDS_WITHIN: usize = 31;

/// Most distinct error codes that are counted.
const MAX_ERRORS: usize = 128;

/// Counters.
#[derive(Debug, Default)]
pub struct Stats {
    /// SLOWLOG.
    pub slowlog: Slowlog,
    /// LATENCY.
    pub latency: LatencyMonitor,
    /// Per command, by [`crate::server::Command::index`].
    pub commands: Vec<CommandStats>,
    /// Errors by code.
    pub errors: BTreeMap<String, u64>,
    /// Errors in all.
    pub error_replies: u64,
    /// Errors sent to a primary or met while loading the AOF.
    pub unexpected_errors: u64,
    /// Commands run.
    pub commands_processed: u64,
    /// Connections accepted.
    pub connections: u64,
    /// Connections refused for `maxclients`.
    pub rejected_connections: u64,
    /// Bytes read from clients.
    pub net_input: u64,
    /// Bytes written to clients.
    pub net_output: u64,
    /// Bytes read from the primary.
    pub repl_input: u64,
    /// Bytes written to replicas.
    pub repl_output: u64,
    /// Reads that brought something.
    pub reads: u64,
    /// Writes that took something.
    pub writes: u64,
    /// Full transfers served.
    pub sync_full: u64,
    /// Partial resyncs served.
    pub sync_partial_ok: u64,
    /// Partial resyncs refused.
    pub sync_partial_err: u64,
    /// Snapshots taken (Redis: forks).
    pub snapshots: u64,
    /// Microseconds that starting the last snapshot took.
    pub last_snapshot_start_us: u64,
    /// Active expiry ran out of time.
    pub expire_time_cap: u64,
    /// Microseconds spent in active expiry.
    pub expire_micros: u64,
    /// Share of stale keys that the last cycle saw, in percent.
    pub expired_stale_percent: f64,
    /// Most memory ever used.
    pub peak_memory: usize,
    /// Memory used before the first key.
    pub startup_memory: usize,
    /// Output buffers that passed their limit.
    pub output_limit_disconnections: u64,
    /// Clients closed for the memory that they took.
    pub evicted_clients: u64,
    /// Samples for the instantaneous figures.
    pub rates: Rates,
}

impl Stats {
    /// Counters for so many commands.
    pub fn new(commands: usize) -> Self {
        Self { commands: (0..commands).map(|_| CommandStats::default()).collect(), ..Self::default() }
    }

    /// Counts an error reply by its first word, or as ERR where no such word ends within the bytes that Redis looks at.
    pub fn count_error(&mut self, text: &[u8]) {
        self.error_replies += 1;
        let end = text.iter().take(CODE_ENDS_WITHIN).position(|&byte| byte == b' ');
        let code = end.map_or_else(|| "ERR".to_owned(), |end| String::from_utf8_lossy(&text[..end]).into_owned());
        if self.errors.len() < MAX_ERRORS || self.errors.contains_key(&code) {
            *self.errors.entry(code).or_default() += 1;
        }
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&mut self) {
        let commands = self.commands.len();
        let (peak, startup) = (crate::base::allocator::used_memory(), self.startup_memory);
        let (slowlog, latency) = (std::mem::take(&mut self.slowlog), std::mem::take(&mut self.latency));
        *self = Self { slowlog, latency, ..Self::new(commands) };
        self.peak_memory = peak;
        self.startup_memory = startup;
    }
}

/// The averages of the last sixteen samples, a tenth of a second apart.
#[derive(Debug, Default)]
pub struct Rates {
    samples: [[f64; 5]; 16],
    next: usize,
    last: Option<(i64, [u64; 5])>,
}

impl Rates {
    /// Takes a sample of commands, bytes in, bytes out, replication bytes in and out.
    pub fn sample(&mut self, now: i64, counters: [u64; 5]) {
        if let Some((then, before)) = self.last
            && now > then
        {
            let elapsed = (now - then) as f64 / 1000.0;
            for (sample, (count, before)) in self.samples[self.next].iter_mut().zip(counters.iter().zip(before)) {
                *sample = count.saturating_sub(before) as f64 / elapsed;
            }
            self.next = (self.next + 1) % self.samples.len();
        }
        self.last = Some((now, counters));
    }

    /// Average per second of the counter with that index in [`Self::sample`].
    pub fn per_second(&self, index: usize) -> f64 {
        self.samples.iter().map(|sample| sample[index]).sum::<f64>() / self.samples.len() as f64
    }
}
