//! Counters behind INFO's Stats, Commandstats, Errorstats and Latencystats.

use std::collections::BTreeMap;
use std::ops::Deref;

use hdrhistogram::Histogram;

use super::latency::LatencyMonitor;
use super::slowlog::Slowlog;

/// Statistics of one command.
#[derive(Debug, Default)]
pub struct CommandStats {
    /// How often it ran.
    pub calls: u64,
    /// The total time it took, in nanoseconds.
    pub nanos: u64,
    /// How often it was refused before it ran.
    pub rejected: u64,
    /// How often it ran and ended with an error.
    pub failed: u64,
    /// The distribution of its durations, in nanoseconds; `None` before the first one.
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

/// The space that ends an error's code is searched among this many bytes, as in Redis.
const CODE_ENDS_WITHIN: usize = 31;

/// The most distinct error codes that are counted.
const MAX_ERRORS: usize = 128;

/// The counters that INFO shows. Any part of the server may read them; only [`Stats`] changes them.
#[derive(Debug, Default)]
pub struct Counters {
    /// Error replies by their codes.
    pub errors: BTreeMap<String, u64>,
    /// Error replies of all codes.
    pub error_replies: u64,
    /// Errors sent to a primary or met while loading the AOF.
    pub unexpected_errors: u64,
    /// Commands that were run.
    pub commands_processed: u64,
    /// Connections accepted, including those that were refused afterwards.
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
    /// Reads from sockets that returned data.
    pub reads: u64,
    /// Writes to sockets that accepted data.
    pub writes: u64,
    /// Full resyncs of replicas.
    pub sync_full: u64,
    /// Partial resyncs that were granted.
    pub sync_partial_ok: u64,
    /// Partial resyncs that became full ones.
    pub sync_partial_err: u64,
    /// Snapshots taken, which INFO shows as forks.
    pub snapshots: u64,
    /// Microseconds that starting the last snapshot took.
    pub last_snapshot_start_us: u64,
    /// How often active expiry ran out of time.
    pub expire_time_cap: u64,
    /// Microseconds spent in active expiry.
    pub expire_micros: u64,
    /// Share of stale keys that the last cycles saw, in percent: a moving average.
    pub expired_stale_percent: f64,
    /// The peak of used memory, in bytes.
    pub peak_memory: usize,
    /// Clients closed because their output passed its limit.
    pub output_limit_disconnections: u64,
}

/// SLOWLOG, LATENCY and all counters.
#[derive(Debug, Default)]
pub struct Stats {
    /// The entries of SLOWLOG.
    pub slowlog: Slowlog,
    /// The samples of LATENCY.
    pub latency: LatencyMonitor,
    /// Per command, by [`crate::server::Command::index`].
    pub commands: Vec<CommandStats>,
    /// Memory used before the first key.
    pub(crate) startup_memory: usize,
    /// Clients closed because of `maxmemory-clients`.
    pub(crate) evicted_clients: u64,
    counters: Counters,
    rates: Rates,
}

impl Deref for Stats {
    type Target = Counters;

    #[inline]
    fn deref(&self) -> &Counters {
        &self.counters
    }
}

impl Stats {
    /// Fresh counters, for `commands` commands.
    pub fn new(commands: usize) -> Self {
        Self { commands: (0..commands).map(|_| CommandStats::default()).collect(), ..Self::default() }
    }

    /// Counts a connection that was accepted.
    pub fn connection_came(&mut self) {
        self.counters.connections += 1;
    }

    /// Counts a connection that was refused.
    pub fn connection_refused(&mut self) {
        self.counters.rejected_connections += 1;
    }

    /// Counts a read from a client.
    pub fn read_from_client(&mut self, bytes: u64) {
        self.counters.net_input += bytes;
        self.counters.reads += 1;
    }

    /// Counts a write to a client or a replica.
    pub fn wrote_to_client(&mut self, bytes: u64, is_replica: bool) {
        self.counters.writes += 1;
        self.counters.net_output += bytes;
        if is_replica {
            self.counters.repl_output += bytes;
        }
    }

    /// Counts bytes from the primary.
    pub fn read_from_primary(&mut self, bytes: u64) {
        self.counters.repl_input += bytes;
    }

    /// Counts a command of the primary that failed here.
    pub fn primary_command_failed(&mut self) {
        self.counters.unexpected_errors += 1;
    }

    /// Counts a run of a command, given by its [`crate::server::Command::index`].
    #[inline]
    pub fn command_ran(&mut self, command: usize, failed: bool) {
        let stats = &mut self.commands[command];
        stats.calls += 1;
        stats.failed += u64::from(failed);
        self.counters.commands_processed += 1;
    }

    /// Counts a command that was refused before it ran.
    pub fn command_refused(&mut self, command: usize) {
        self.commands[command].rejected += 1;
    }

    /// Counts a blocked command that ended with an error.
    pub fn command_failed(&mut self, command: usize) {
        self.commands[command].failed += 1;
    }

    /// Counts a partial resync of a replica.
    pub fn partial_resync(&mut self) {
        self.counters.sync_partial_ok += 1;
    }

    /// Counts a full resync of a replica; `refused` if it had asked for a partial one.
    pub fn full_resync(&mut self, refused: bool) {
        self.counters.sync_full += 1;
        self.counters.sync_partial_err += u64::from(refused);
    }

    /// Counts a snapshot for the base of an append-only file.
    pub fn snapshot_began(&mut self) {
        self.counters.snapshots += 1;
    }

    /// Counts a snapshot for a file or for replicas; starting it took `micros`.
    pub fn save_began(&mut self, micros: u64) {
        self.counters.snapshots += 1;
        self.counters.last_snapshot_start_us = micros;
    }

    /// Records a cycle of active expiry; `stale` is the fraction of sampled keys that had expired, 0 to 1.
    pub fn expire_cycle(&mut self, out_of_time: bool, stale: f64) {
        self.counters.expire_time_cap += u64::from(out_of_time);
        self.counters.expired_stale_percent = stale * 100.0 * 0.05 + self.counters.expired_stale_percent * 0.95;
    }

    /// Records the time that active expiry took.
    pub fn spent_on_expiry(&mut self, micros: u64) {
        self.counters.expire_micros += micros;
    }

    /// Counts a client that was closed because its output exceeded the limit.
    pub fn output_limit_reached(&mut self) {
        self.counters.output_limit_disconnections += 1;
    }

    /// Takes a sample for the instantaneous figures and the peak of used memory, on each tick.
    pub fn sample(&mut self, now: i64, used_memory: usize) {
        let counters = &mut self.counters;
        counters.peak_memory = counters.peak_memory.max(used_memory);
        let sample = [
            counters.commands_processed,
            counters.net_input,
            counters.net_output,
            counters.repl_input,
            counters.repl_output,
        ];
        self.rates.sample(now, sample);
    }

    /// The rates behind the instantaneous figures of INFO.
    pub fn rates(&self) -> &Rates {
        &self.rates
    }

    /// Memory used before the first key, in bytes.
    pub fn startup_memory(&self) -> usize {
        self.startup_memory
    }

    /// Clients closed because of `maxmemory-clients`.
    pub fn evicted_clients(&self) -> u64 {
        self.evicted_clients
    }

    /// Counts an error reply by its first word, or as ERR if no word ends within the bytes that Redis checks.
    pub fn count_error(&mut self, text: &[u8]) {
        self.counters.error_replies += 1;
        let end = text.iter().take(CODE_ENDS_WITHIN).position(|&byte| byte == b' ');
        let code = end.map_or_else(|| "ERR".to_owned(), |end| String::from_utf8_lossy(&text[..end]).into_owned());
        let errors = &mut self.counters.errors;
        if errors.len() < MAX_ERRORS || errors.contains_key(&code) {
            *errors.entry(code).or_default() += 1;
        }
    }

    /// Resets the counters: CONFIG RESETSTAT.
    pub fn reset(&mut self) {
        let commands = self.commands.len();
        let (peak, startup) = (crate::base::allocator::used_memory(), self.startup_memory);
        let (slowlog, latency) = (std::mem::take(&mut self.slowlog), std::mem::take(&mut self.latency));
        *self = Self { slowlog, latency, ..Self::new(commands) };
        self.counters.peak_memory = peak;
        self.startup_memory = startup;
    }
}

/// Rates averaged over the last sixteen samples, which are a tenth of a second apart.
#[derive(Debug, Default)]
pub struct Rates {
    samples: [[f64; 5]; 16],
    next: usize,
    last: Option<(i64, [u64; 5])>,
}

impl Rates {
    /// Takes a sample of five counters: commands, bytes in, bytes out, replication bytes in and out.
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

    /// The average increase per second of the counter with this index in [`Self::sample`].
    pub fn per_second(&self, index: usize) -> f64 {
        self.samples.iter().map(|sample| sample[index]).sum::<f64>() / self.samples.len() as f64
    }
}
