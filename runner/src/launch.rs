//! Starting a process so that it cannot outlive us, and hearing of its end.
//!
//! A node dies with its parent by PR_SET_PDEATHSIG. The catch: the signal follows the *thread* that spawned, not its
//! process. So one thread spawns everything and lives as long as the process does; a test's or a runtime's worker thread
//! that ends takes no node with it. (Systems without that call rely on `runner gc`.)

use nix::sys::signal::{Signal, kill, killpg};
use nix::sys::wait::{Id, WaitPidFlag, waitid};
use nix::unistd::Pid;
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc;
use tokio::sync::watch;

/// A process to start.
#[derive(Debug)]
pub struct Launch {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    /// The working directory.
    pub dir: PathBuf,
    /// Its standard output and error are appended to this file.
    pub log: PathBuf,
    /// The only CPU it may use; any where `None`.
    pub cpu: Option<usize>,
}

/// A started process: the leader of a process group of its own.
#[derive(Debug, Clone)]
pub struct Process {
    pid: Pid,
    end: watch::Receiver<Option<ExitStatus>>,
}

impl Process {
    /// Starts the process, which dies with this one.
    pub fn start(launch: Launch) -> std::io::Result<Self> {
        let (answer, answered) = mpsc::channel();
        let gone = || std::io::Error::other("the thread that starts processes is gone");
        spawner().send((launch, answer)).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?
    }

    /// Its process id, also that of its group.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw().cast_unsigned()
    }

    /// How it ended, if it did.
    pub fn ended(&self) -> Option<ExitStatus> {
        *self.end.borrow()
    }

    /// Waits for its end.
    pub async fn wait(&self) -> Option<ExitStatus> {
        let mut end = self.end.clone();
        let status = end.wait_for(Option::is_some).await.ok()?;
        *status
    }

    /// Sends a signal to the process alone. One that has ended takes none.
    pub fn signal(&self, signal: Signal) {
        if self.ended().is_none() {
            // It may have ended this very moment: then there is nothing left to do.
            let _ = kill(self.pid, signal);
        }
    }

    /// Kills the process and whatever it forked.
    pub fn kill_group(&self) {
        if self.ended().is_none() {
            let _ = killpg(self.pid, Signal::SIGKILL);
        }
    }
}

/// Whether a process descends from another one, as far as /proc shows it.
pub fn descends_from(pid: u32, ancestor: u32) -> bool {
    let mut at = pid;
    while at > 1 {
        if at == ancestor {
            return true;
        }
        let Some(parent) = parent(at) else {
            return false;
        };
        at = parent;
    }
    false
}

fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field, the name, may hold blanks and parentheses; the parent is the second behind it.
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

/// Sends a signal to a process that need not be a child of ours. One that has ended takes none.
pub fn signal_pid(pid: u32, signal: Signal) {
    let _ = kill(Pid::from_raw(pid.cast_signed()), signal);
}

/// How a process ended, in words.
pub fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal().and_then(|number| Signal::try_from(number).ok())) {
        (Some(code), _) => format!("exited with code {code}"),
        (None, Some(signal)) => format!("was ended by {signal}"),
        (None, None) => status.to_string(),
    }
}

type Request = (Launch, mpsc::Sender<std::io::Result<Process>>);

/// The thread that starts all processes.
fn spawner() -> &'static mpsc::Sender<Request> {
    static SPAWNER: OnceLock<mpsc::Sender<Request>> = OnceLock::new();
    SPAWNER.get_or_init(|| {
        let (requests, inbox) = mpsc::channel::<Request>();
        std::thread::spawn(move || {
            for (launch, answer) in inbox {
                // The caller may have given up; the process then ends with us.
                let _ = answer.send(spawn(&launch));
            }
        });
        requests
    })
}

fn spawn(launch: &Launch) -> std::io::Result<Process> {
    let log = File::options().create(true).append(true).open(&launch.log)?;
    let mut command = Command::new(&launch.program);
    command
        .args(&launch.arguments)
        .current_dir(&launch.dir)
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0);
    prepare(&mut command, launch.cpu);
    let mut child = command.spawn()?;
    let pid = Pid::from_raw(child.id().cast_signed());
    let (told, end) = watch::channel(None);
    std::thread::spawn(move || {
        // With the leader goes its group: forks, and the server of a script that died without it. Until the leader is reaped
        // no other group can have its number.
        if waitid(Id::Pid(pid), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).is_ok() {
            let _ = killpg(pid, Signal::SIGKILL);
        }
        // Waiting for a child of ours fails only if another thread reaped it; it has ended then, too.
        let status = child.wait().unwrap_or_default();
        told.send_replace(Some(status));
    });
    Ok(Process { pid, end })
}

#[cfg(target_os = "linux")]
fn prepare(command: &mut Command, cpu: Option<usize>) {
    use nix::sched::{CpuSet, sched_setaffinity};

    let parent = nix::unistd::getpid();
    let mut cpus = CpuSet::new();
    let pinned = cpu.is_some_and(|cpu| cpus.set(cpu).is_ok());
    let before_exec = move || {
        nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?;
        // The parent may have died before the line above, and then no signal comes.
        if nix::unistd::getppid() != parent {
            return Err(std::io::Error::other("the runner is gone"));
        }
        if pinned {
            sched_setaffinity(Pid::from_raw(0), &cpus)?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe calls are allowed. The closure makes three system calls
    // (prctl, getppid, sched_setaffinity), touches only its own copies, and neither locks nor allocates on its good path.
    unsafe {
        command.pre_exec(before_exec);
    }
}

#[cfg(not(target_os = "linux"))]
fn prepare(_: &mut Command, _: Option<usize>) {}
