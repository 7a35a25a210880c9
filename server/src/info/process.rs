//! What the operating system says about this process and machine.

use nix::sys::resource::{Usage, UsageWho, getrusage};

/// Processor time, in seconds.
pub struct Cpu {
    /// Spent in the kernel by this process.
    pub system: f64,
    /// Spent in user mode by this process.
    pub user: f64,
    /// Spent in the kernel by terminated children.
    pub children_system: f64,
    /// Spent in user mode by terminated children.
    pub children_user: f64,
    /// Spent in the kernel by the calling thread.
    pub thread_system: f64,
    /// Spent in user mode by the calling thread.
    pub thread_user: f64,
}

fn seconds(who: UsageWho) -> (f64, f64) {
    let split = |usage: Usage| {
        let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
        (seconds(usage.system_time()), seconds(usage.user_time()))
    };
    getrusage(who).map_or((0.0, 0.0), split)
}

/// Reads the processor time used so far.
pub fn cpu() -> Cpu {
    let (system, user) = seconds(UsageWho::RUSAGE_SELF);
    let (children_system, children_user) = seconds(UsageWho::RUSAGE_CHILDREN);
    let (thread_system, thread_user) = seconds(UsageWho::RUSAGE_THREAD);
    Cpu { system, user, children_system, children_user, thread_system, thread_user }
}

/// The resident memory of this process, in bytes.
pub fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm")
        .ok()
        .and_then(|text| text.split(' ').nth(1)?.parse::<usize>().ok())
        .unwrap_or(0);
    pages * 4096
}

/// The machine's physical memory, in bytes.
pub fn total_memory() -> usize {
    std::fs::read_to_string("/proc/meminfo")
        .ok()
        .and_then(|text| text.split_whitespace().nth(1)?.parse::<usize>().ok())
        .map_or(0, |kilobytes| kilobytes * 1024)
}

/// Bytes allocated, active and resident, as the allocator counts them.
#[cfg(not(sanitizers))]
pub fn allocator() -> (usize, usize, usize) {
    use tikv_jemalloc_ctl::{epoch, stats};
    // jemalloc's figures are cached, and have to be refreshed first.
    if epoch::advance().is_err() {
        return (0, 0, 0);
    }
    (stats::allocated::read().unwrap_or(0), stats::active::read().unwrap_or(0), stats::resident::read().unwrap_or(0))
}

/// The name, release and architecture of the operating system.
pub fn system() -> String {
    let read =
        |name: &str| std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default().trim().to_string();
    format!("{} {} {}", read("ostype"), read("osrelease"), std::env::consts::ARCH)
}

/// Zeros, because a sanitizer's allocator has no such figures.
#[cfg(sanitizers)]
pub fn allocator() -> (usize, usize, usize) {
    (0, 0, 0)
}

/// Returns unused pages of all arenas to the system.
pub fn purge() {
    // "4096" names all arenas. The name is a C string; a failure leaves things as they are.
    #[cfg(not(sanitizers))]
    // SAFETY: this control takes no argument and no reply.
    let _ = unsafe { tikv_jemalloc_ctl::raw::write(b"arena.4096.purge\0", ()) };
}
