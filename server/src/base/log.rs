//! Log lines in Redis's format: `PID:R DD Mon YYYY HH:MM:SS.mmm L text`.

use std::ffi::CString;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, Ordering};

use parking_lot::Mutex;

use super::clock::now_ms;
pub use super::level::Level;

static THRESHOLD: AtomicU8 = AtomicU8::new(2);
static ROLE: AtomicU8 = AtomicU8::new(b'M');
static SYSLOG: AtomicBool = AtomicBool::new(false);
static FILE: Mutex<String> = Mutex::new(String::new());

/// Sets the lowest level that is written: `loglevel`.
pub fn set_level(level: Level) {
    THRESHOLD.store(level as u8, Ordering::Relaxed);
}

/// Sets the letter that follows the pid: `X` Sentinel, `M` primary, `S` replica.
pub fn set_role(role: u8) {
    ROLE.store(role, Ordering::Relaxed);
}

/// The path of the same file for signal handlers, which may neither lock nor allocate; null for standard output.
static HANDLERS_FILE: AtomicPtr<libc::c_char> = AtomicPtr::new(std::ptr::null_mut());

/// Sets the file that lines are appended to (`logfile`); empty for standard output.
pub fn set_file(path: &str) {
    *FILE.lock() = path.to_string();
    let path = CString::new(path).ok().filter(|path| !path.is_empty());
    // The previous path is leaked, because a handler may be using it.
    HANDLERS_FILE.store(path.map_or(std::ptr::null_mut(), CString::into_raw), Ordering::Release);
}

/// Writes a line from a signal handler, in Redis's format for such lines. Neither locks nor allocates.
pub fn write_from_handler(text: &str) {
    let mut line = [0; 256];
    let mut rest = &mut line[..];
    // SAFETY: `time` takes a null pointer, and the other is allowed in handlers.
    let (pid, seconds) = unsafe { (libc::getpid(), libc::time(std::ptr::null_mut())) };
    // Text that does not fit is truncated.
    let _ = writeln!(rest, "{pid}:signal-handler ({seconds}) {text}");
    let left = rest.len();
    let length = line.len() - left;
    let path = HANDLERS_FILE.load(Ordering::Acquire);
    // SAFETY: the path ends in NUL and is never freed, the buffer is as long as is said, and all calls are allowed in handlers.
    unsafe {
        if path.is_null() {
            libc::write(1, line.as_ptr().cast(), length);
            return;
        }
        let file = libc::open(path, libc::O_APPEND | libc::O_CREAT | libc::O_WRONLY, 0o644);
        if file >= 0 {
            libc::write(file, line.as_ptr().cast(), length);
            libc::close(file);
        }
    }
}

/// Sends lines to the system's log as well (`syslog-enabled`). `facility` is a number from `<syslog.h>`.
pub fn set_syslog(ident: &str, facility: i32) {
    let Ok(ident) = CString::new(ident) else { return };
    // SAFETY: `openlog` keeps the pointer, so the text is leaked; it is called once, at start.
    unsafe { libc::openlog(ident.into_raw(), libc::LOG_PID | libc::LOG_NDELAY | libc::LOG_NOWAIT, facility) };
    SYSLOG.store(true, Ordering::Relaxed);
}

fn to_syslog(level: Level, text: &str) {
    let priority = [libc::LOG_DEBUG, libc::LOG_INFO, libc::LOG_NOTICE, libc::LOG_WARNING][level as usize];
    if let Ok(text) = CString::new(text) {
        // SAFETY: both strings end in NUL, and the format takes exactly one.
        unsafe { libc::syslog(priority, c"%s".as_ptr(), text.as_ptr()) };
    }
}

/// Writes a line, unless its level is below `loglevel`.
pub fn log(level: Level, text: &str) {
    if (level as u8) < THRESHOLD.load(Ordering::Relaxed) {
        return;
    }
    if SYSLOG.load(Ordering::Relaxed) {
        to_syslog(level, text);
    }
    let sign = [".", "-", "*", "#"][level as usize];
    let role = char::from(ROLE.load(Ordering::Relaxed));
    write_raw(&format!("{}:{role} {} {sign} {text}\n", std::process::id(), timestamp(now_ms())));
}

/// Writes text as it is, without a prefix.
pub fn write_raw(text: &str) {
    let file = FILE.lock();
    // A log that cannot be written must not stop the server.
    if file.is_empty() {
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    } else if let Ok(mut log) = std::fs::OpenOptions::new().append(true).create(true).open(&*file) {
        let _ = log.write_all(text.as_bytes());
    }
}

/// Local time in the format of C's `ctime`, without the line end.
pub fn long_time(seconds: i64) -> String {
    const DAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
    let time = local(seconds);
    format!(
        "{} {} {:2} {:02}:{:02}:{:02} {}",
        DAYS[time.tm_wday.clamp(0, 6) as usize],
        MONTHS[time.tm_mon.clamp(0, 11) as usize],
        time.tm_mday,
        time.tm_hour,
        time.tm_min,
        time.tm_sec,
        time.tm_year + 1900
    )
}

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

fn local(seconds: libc::time_t) -> libc::tm {
    // SAFETY: an all-zero `tm` is a valid value, and both pointers are to live locals.
    unsafe {
        let mut time: libc::tm = std::mem::zeroed();
        libc::localtime_r(&seconds, &mut time);
        time
    }
}

/// Local time as `DD Mon YYYY HH:MM:SS.mmm`.
fn timestamp(now: i64) -> String {
    let time = local(now / 1000);
    format!(
        "{:02} {} {} {:02}:{:02}:{:02}.{:03}",
        time.tm_mday,
        MONTHS[time.tm_mon.clamp(0, 11) as usize],
        time.tm_year + 1900,
        time.tm_hour,
        time.tm_min,
        time.tm_sec,
        now % 1000
    )
}
