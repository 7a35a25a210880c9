//! Crash reports: a report in the log, then an abort. Also the watchdog, which reports without ending the process.
//!
//! Background. A panic in the middle of a command would leave the data half changed, so none is survived: the hook writes
//! the report and aborts the process, whatever the profile says about unwinding. Signals that mean a bug are reported in the
//! same form. The report is written where the bug occurred, so it may itself fail; an alarm then ends the process. Its form
//! and the names of its sections are those of Redis's bug report, which tools look for.

use std::backtrace::Backtrace;
use std::panic::PanicHookInfo;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use super::{Node, Shared};
use crate::base::REDIS_VERSION;
use crate::base::clock::now_ms;
use crate::base::log::{Level, log, write_raw};
use crate::commands::info::info;
use crate::dispatch::redact::shown_words;
use crate::dispatch::running::look_at_running_command;
use crate::server::client_line::client_line;

/// Signals that are caused by a bug, or sent by someone who wants a report.
const FATAL: [libc::c_int; 5] = [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGABRT];
/// The flags of their handlers: a second fault ends the process.
const ONCE: libc::c_int = libc::SA_NODEFER | libc::SA_RESETHAND | libc::SA_SIGINFO;
/// How long a report may take, in seconds.
const PATIENCE: u32 = 10;
/// How many bytes of an argument are shown.
const SHOWN: usize = 128;

static NODE: OnceLock<Arc<Node>> = OnceLock::new();
static REPORTING: AtomicBool = AtomicBool::new(false);
/// `use-exit-on-panic`: a panic exits instead of aborting.
static EXIT_ON_PANIC: AtomicBool = AtomicBool::new(false);
/// The watchdog's period in milliseconds; 0 if it is off.
static PERIOD: AtomicU32 = AtomicU32::new(0);
/// When the timers last ticked, Unix milliseconds.
static TICKED: AtomicI64 = AtomicI64::new(0);

/// Makes panics end the process with a report of this node.
pub fn report_panics(shared: &Shared) {
    // Only the first node of a process is reported; there is one.
    let _ = NODE.set(Arc::clone(shared));
    std::panic::set_hook(Box::new(on_panic));
}

/// Applies `crash-log-enabled` and `use-exit-on-panic`.
pub fn configure(report_signals: bool, exit_on_panic: bool) {
    EXIT_ON_PANIC.store(exit_on_panic, Ordering::Relaxed);
    let action = if report_signals { on_fatal_signal as *const () as libc::sighandler_t } else { libc::SIG_DFL };
    for signal in FATAL {
        set_handler(signal, action, ONCE);
    }
}

/// Applies `watchdog-period`, in milliseconds. The watching thread is started by the first period that is not 0.
pub fn watch(period: u32) {
    static STARTED: OnceLock<bool> = OnceLock::new();
    PERIOD.store(period, Ordering::Relaxed);
    if period > 0 {
        tick();
        STARTED.get_or_init(|| {
            set_handler(
                libc::SIGALRM,
                on_watchdog as *const () as libc::sighandler_t,
                libc::SA_RESTART | libc::SA_SIGINFO,
            );
            // SAFETY: `pthread_self` has no preconditions.
            let reactor = unsafe { libc::pthread_self() };
            std::thread::Builder::new().name("watchdog".into()).spawn(move || watch_for_ever(reactor)).is_ok()
        });
    }
}

/// Called by the timers to prove to the watchdog that the event loop is alive.
pub fn tick() {
    TICKED.store(now_ms(), Ordering::Relaxed);
}

pub(super) fn set_handler(signal: libc::c_int, action: libc::sighandler_t, flags: libc::c_int) {
    // SAFETY: the structure is plain data for which zeros are valid, and the handlers are functions of the right form.
    unsafe {
        let mut how: libc::sigaction = std::mem::zeroed();
        how.sa_sigaction = action;
        how.sa_flags = flags;
        libc::sigemptyset(&mut how.sa_mask);
        libc::sigaction(signal, &how, std::ptr::null_mut());
    }
}

fn on_panic(panic: &PanicHookInfo<'_>) {
    let text = panic.payload_as_str().unwrap_or("a panic without a text");
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    begin_report();
    log(Level::Warning, "------------------------------------------------");
    log(Level::Warning, "!!! Software Failure. Press left mouse button to continue");
    log(Level::Warning, &format!("Guru Meditation: {text} #{place}"));
    write_report();
    for signal in FATAL {
        set_handler(signal, libc::SIG_DFL, ONCE);
    }
    if EXIT_ON_PANIC.load(Ordering::Relaxed) {
        std::process::exit(1);
    }
    std::process::abort();
}

extern "C" fn on_fatal_signal(signal: libc::c_int, about: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the system hands over a valid structure. The handler was reset, so a second fault ends the process.
    let (code, address) = unsafe { ((*about).si_code, (*about).si_addr()) };
    begin_report();
    log(Level::Warning, &format!("Redis {REDIS_VERSION} crashed by signal: {signal}, si_code: {code}"));
    if code <= 0 {
        // SAFETY: a signal that a process sent says which.
        let (pid, uid) = unsafe { ((*about).si_pid(), (*about).si_uid()) };
        log(Level::Warning, &format!("Killed by PID: {pid}, UID: {uid}"));
    } else {
        log(Level::Warning, &format!("Accessing address: {address:p}"));
    }
    write_report();
    set_handler(signal, libc::SIG_DFL, ONCE);
    // SAFETY: raising a signal has no preconditions; its default action ends the process.
    unsafe { libc::raise(signal) };
}

fn begin_report() {
    if REPORTING.swap(true, Ordering::Relaxed) {
        // A fault in the report itself or in a second thread: only the first report counts. SAFETY: `_exit` ends the process
        // without running anything.
        unsafe { libc::_exit(1) };
    }
    set_handler(libc::SIGALRM, libc::SIG_DFL, ONCE);
    // SAFETY: `alarm` has no preconditions: a report that hangs ends the process.
    unsafe { libc::alarm(PATIENCE) };
    write_raw("\n\n=== REDIS BUG REPORT START: Cut & paste starting from here ===\n");
}

fn write_report() {
    write_stack();
    // SAFETY: the process ends when the report is written.
    unsafe {
        look_at_running_command(|client, command, args| {
            write_raw("\n------ CURRENT CLIENT INFO ------\n");
            let user = String::from_utf8_lossy(client.user_name());
            write_raw(&format!("id={} addr={} cmd={} user={user}\n", client.id, client.addr, command.name));
            write_raw(&format!("argc: '{}'\n", args.len()));
            for (number, word) in shown_words(command, args).enumerate() {
                let word = String::from_utf8_lossy(&word[..word.len().min(SHOWN)]);
                write_raw(&format!("argv[{number}]: '{}'\n", word.escape_debug()));
            }
        });
        if let Some(node) = NODE.get() {
            node.look_before_the_end(|server| {
                write_raw("\n------ INFO OUTPUT ------\n");
                write_raw(&info(server, &[b"everything"]));
                write_raw("\n------ CLIENT LIST OUTPUT ------\n");
                for client in server.clients.iter() {
                    write_raw(&(client_line(server, client) + "\n"));
                }
            });
        }
    }
    write_raw("\n=== REDIS BUG REPORT END. Make sure to include from START to END. ===\n\n");
}

fn write_stack() {
    write_raw("\n------ STACK TRACE ------\n");
    write_raw(&format!("\nBacktrace:\n{}\n", Backtrace::force_capture()));
}

fn watch_for_ever(reactor: libc::pthread_t) {
    let mut reported = 0;
    loop {
        let period = i64::from(PERIOD.load(Ordering::Relaxed));
        std::thread::sleep(Duration::from_millis(if period == 0 { 100 } else { (period / 4).clamp(10, 100) as u64 }));
        let (now, ticked) = (now_ms(), TICKED.load(Ordering::Relaxed));
        if period == 0 || ticked == 0 || ticked == reported || now - ticked < period {
            continue;
        }
        reported = ticked;
        let holder = NODE.get().and_then(|node| node.holder()).filter(|(_, since)| now - since >= period);
        // SAFETY: both are threads of the runtime, which live as long as the process.
        unsafe { libc::pthread_kill(holder.map_or(reactor, |(thread, _)| thread), libc::SIGALRM) };
    }
}

extern "C" fn on_watchdog(_: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {
    write_raw("\n--- WATCHDOG TIMER EXPIRED ---\n");
    write_stack();
    write_raw("--------\n\n");
}
