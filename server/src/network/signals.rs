//! SIGTERM and SIGINT. A task begins the shutdown; the handler logs it, and does what cannot wait for the task: a second
//! SIGINT ends the process at once, whatever the server is doing.

use std::convert::Infallible;
use std::io;
use std::sync::OnceLock;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Shared;
use super::crash::set_handler;
use super::vital::spawn_vital;
use crate::base::log::write_from_handler;
use crate::base::signals::{is_ending, is_loading};
use crate::config::special::ShutdownFlags;
use crate::server::shutdown::ShutdownOptions;

/// `temp-PID.rdb`, the file of a foreground save, in the working directory.
static UNFINISHED: OnceLock<std::ffi::CString> = OnceLock::new();

/// Makes SIGTERM and SIGINT end the server.
///
/// # Errors
/// Any error of the system.
pub fn listen(shared: &Shared) -> io::Result<()> {
    UNFINISHED.get_or_init(|| std::ffi::CString::new(format!("temp-{}.rdb", std::process::id())).unwrap_or_default());
    // The runtime's handlers call those that were installed before.
    for signal in [libc::SIGTERM, libc::SIGINT] {
        set_handler(signal, on_signal as *const () as libc::sighandler_t, libc::SA_RESTART | libc::SA_SIGINFO);
    }
    let signals = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    spawn_vital("signals", end_on_signal(std::sync::Arc::clone(shared), signals));
    Ok(())
}

async fn end_on_signal(shared: Shared, (mut term, mut int): (Signal, Signal)) -> Infallible {
    loop {
        let by_term = tokio::select! {
            Some(()) = term.recv() => true,
            Some(()) = int.recv() => false,
            else => std::future::pending().await,
        };
        let mut server = shared.turn();
        let flags = if by_term { server.config.shutdown_on_sigterm } else { server.config.shutdown_on_sigint };
        let save = if flags.intersects(ShutdownFlags::SAVE) {
            Some(true)
        } else {
            flags.intersects(ShutdownFlags::NOSAVE).then_some(false)
        };
        let (now, force) = (flags.intersects(ShutdownFlags::NOW), flags.intersects(ShutdownFlags::FORCE));
        server.request_shutdown(ShutdownOptions { save, now, force });
    }
}

extern "C" fn on_signal(signal: libc::c_int, _: *mut libc::siginfo_t, _: *mut libc::c_void) {
    if signal == libc::SIGINT && is_ending() {
        write_from_handler("You insist... exiting now.");
        if let Some(unfinished) = UNFINISHED.get() {
            // SAFETY: the path ends in NUL, and the call is allowed in handlers.
            unsafe { libc::unlink(unfinished.as_ptr()) };
        }
        // SAFETY: the call is allowed in handlers.
        unsafe { libc::_exit(1) }
    }
    write_from_handler(match signal {
        _ if is_loading() => "Received shutdown signal during loading, scheduling shutdown.",
        libc::SIGINT => "Received SIGINT scheduling shutdown...",
        _ => "Received SIGTERM scheduling shutdown...",
    });
}
