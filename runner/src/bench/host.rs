//! What the machine reports about a process: CPU time in nanoseconds and the memory of a whole process tree. Also which CPU
//! the server and the load use.

use crate::failure::{Doing, Outcome};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::time::{clock_getcpuclockid, clock_gettime};
use nix::unistd::Pid;
use serde::Serialize;
use std::time::Duration;

/// The CPUs of a measurement.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Machine {
    /// The server's CPU; `None` on a machine with a single one.
    pub server_cpu: Option<usize>,
    pub load_cpu: Option<usize>,
}

impl Machine {
    /// Two of the CPUs that this process may use.
    pub fn survey() -> Self {
        let allowed = sched_getaffinity(Pid::from_raw(0)).unwrap_or_else(|_| CpuSet::new());
        let mut cpus = (0..CpuSet::count()).filter(|&cpu| allowed.is_set(cpu).unwrap_or(false));
        match (cpus.next(), cpus.next()) {
            (Some(first), Some(second)) => Self { server_cpu: Some(first), load_cpu: Some(second) },
            _ => Self { server_cpu: None, load_cpu: None },
        }
    }

    /// Pins the calling thread to the load's CPU.
    pub(super) fn take_load_cpu(self) -> Outcome<()> {
        let Some(cpu) = self.load_cpu else {
            return Ok(());
        };
        let mut set = CpuSet::new();
        set.set(cpu)
            .and_then(|()| sched_setaffinity(Pid::from_raw(0), &set))
            .doing(|| format!("pin the load to CPU {cpu}"))
    }
}

/// CPU time that a process has used, in all its threads, also those that ended.
pub(super) fn cpu_time(pid: u32) -> Outcome<Duration> {
    let clock = clock_getcpuclockid(Pid::from_raw(pid.cast_signed()));
    let time = clock.and_then(clock_gettime).doing(|| format!("read the CPU clock of pid {pid}"))?;
    Ok(Duration::from(time))
}

/// Physical memory of a process and its children in bytes; pages that several share count once (PSS).
pub(super) fn tree_memory(pid: u32) -> u64 {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|child| child.parse().ok());
    pss(pid) + children.map(pss).sum::<u64>()
}

fn pss(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    kilobytes(&text, "Pss:") * 1024
}

/// Resident memory of a process in bytes.
pub(super) fn resident(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    kilobytes(&text, "VmRSS:") * 1024
}

fn kilobytes(text: &str, field: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(field));
    line.and_then(|rest| rest.split_whitespace().next()).and_then(|n| n.parse().ok()).unwrap_or(0)
}
