//! Running the scripts that operators configure, as processes.

use nix::sys::signal::{Signal, kill as send_signal};
use nix::unistd::Pid;
use std::os::unix::process::ExitStatusExt;
use tokio::process::Command;

use super::Shared;
use crate::network::machines::feed;
use crate::sentinel::Sentinel;
use crate::sentinel::{Input, ScriptEnd};

/// Runs a script to its end.
pub async fn run(shared: Shared, job: u64, argv: Vec<String>) {
    let Some((program, arguments)) = argv.split_first() else { return };
    let end = match Command::new(program).args(arguments).spawn() {
        Ok(mut child) => {
            let pid = child.id().unwrap_or_default();
            shared.sentinel.scripts.lock().insert(job, pid);
            feed::<Sentinel>(&shared, [Input::ScriptStarted { job, pid }]);
            let status = child.wait().await;
            shared.sentinel.scripts.lock().remove(&job);
            match status.map(|status| (status.code(), status.signal())) {
                Ok((Some(code), _)) => ScriptEnd::Code(code),
                Ok((None, Some(signal))) => ScriptEnd::Signal(signal),
                Ok((None, None)) | Err(_) => ScriptEnd::NotStarted,
            }
        }
        // A script that cannot be executed counts as a failure of the script.
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => ScriptEnd::NotStarted,
        Err(_) => ScriptEnd::Code(2),
    };
    feed::<Sentinel>(&shared, [Input::ScriptEnded { job, end }]);
}

/// Kills a script that takes too long.
pub fn kill(shared: &Shared, job: u64) {
    if let Some(&pid) = shared.sentinel.scripts.lock().get(&job) {
        // It may just have ended.
        let _ = send_signal(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL);
    }
}
