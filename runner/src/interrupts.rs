//! Ctrl-C and the signals that mean the same, with who sent them.
//!
//! Who sent one matters to `runner run`: a terminal's Ctrl-C goes to the whole foreground group, so the command that runs
//! there has it already and must not get it twice; a signal that another process sends has reached the runner alone.

use crate::failure::{Failure, Outcome};
use nix::sys::signal::Signal;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::exfiltrator::origin::{Origin, WithOrigin};
use signal_hook::iterator::{Handle, SignalsInfo};
use signal_hook::low_level::siginfo::Cause;
use tokio::sync::mpsc;

/// A request to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interrupt {
    /// SIGINT, SIGTERM, SIGHUP or SIGQUIT.
    pub signal: Signal,
    /// Whether the terminal sent it, to its whole foreground group.
    pub from_terminal: bool,
}

/// The interrupts of this process, in their order, from the moment this is made.
#[derive(Debug)]
pub struct Interrupts {
    received: mpsc::UnboundedReceiver<Interrupt>,
    watching: Handle,
}

impl Interrupts {
    /// Takes over the signals; without that they would end this process at once.
    pub fn new() -> Outcome<Self> {
        let signals = SignalsInfo::<WithOrigin>::new([SIGINT, SIGTERM, SIGHUP, SIGQUIT]);
        let mut signals = signals.map_err(|error| Failure::failed(format!("cannot watch signals: {error}")))?;
        let watching = signals.handle();
        let (sender, received) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for origin in signals.forever() {
                if let Some(interrupt) = interrupt(&origin)
                    && sender.send(interrupt).is_err()
                {
                    return;
                }
            }
        });
        Ok(Self { received, watching })
    }

    /// Waits for the next signal.
    pub async fn next(&mut self) -> Interrupt {
        match self.received.recv().await {
            Some(interrupt) => interrupt,
            // The thread ends with `self` only.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Interrupts {
    fn drop(&mut self) {
        self.watching.close();
    }
}

fn interrupt(origin: &Origin) -> Option<Interrupt> {
    let signal = Signal::try_from(origin.signal).ok()?;
    Some(Interrupt { signal, from_terminal: origin.cause == Cause::Kernel })
}
