//! Runs one of upstream's files in a directory and on ports of its own.

use std::fs::File;
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::output::{self, Tests};

/// A file that says nothing for so long waits for a server that hangs.
const SILENCE: Duration = Duration::from_secs(180);
const LOOK: Duration = Duration::from_millis(200);
/// Ports of each file that runs at the same time as others; the cluster's bus has those 10,000 above.
const PORTS: u16 = 1_000;
const FIRST_PORT: u16 = 13_000;

/// What the tests run on.
pub struct Programs {
    /// Our server, or the real one.
    pub server: PathBuf,
    /// Where the packages put `redis-cli` and the other tools.
    pub tools: PathBuf,
}

/// How a file ended.
pub struct Outcome {
    pub tests: Tests,
    /// How long it took.
    pub seconds: f64,
    /// How often servers that hung were killed.
    pub hangs: u32,
    /// Whether it was ended because its time was over.
    pub timed_out: bool,
    /// All that was printed.
    pub printed: String,
}

/// Runs `file` (`unit/type/list`, `sentinel/05-manual`). Files with different `place`s may run at the same time.
pub fn run(root: &Path, programs: &Programs, file: &str, place: u16, limit: Duration) -> Result<Outcome> {
    let folder = tempfile::Builder::new().prefix("upstream-suite").tempdir()?;
    let work = folder.path().canonicalize()?;
    lay_out(root, programs, &work)?;
    let printed = work.join("printed");
    let began = Instant::now();
    let mut child =
        command(file, place, limit).current_dir(&work).stdout(File::create(&printed)?).spawn().context("tclsh8.6")?;
    let (mut hangs, mut timed_out) = (0, false);
    let (mut length, mut grown) = (0, Instant::now());
    while child.try_wait()?.is_none() {
        std::thread::sleep(LOOK);
        let now = printed.metadata()?.len();
        if now != length {
            (length, grown) = (now, Instant::now());
        } else if grown.elapsed() > SILENCE {
            hangs += 1;
            grown = Instant::now();
            end_processes(&work, Some(&programs.server));
        }
        if began.elapsed() > limit {
            timed_out = true;
            break;
        }
    }
    end(&mut child)?;
    end_processes(&work, None);
    let printed = String::from_utf8_lossy(&std::fs::read(&printed)?).into_owned();
    let seconds = began.elapsed().as_secs_f64();
    Ok(Outcome { tests: output::read(&printed), seconds, hangs, timed_out, printed })
}

/// The tests write beside themselves, so they get a copy; programs stand where a build would have put them.
fn lay_out(root: &Path, programs: &Programs, work: &Path) -> Result<()> {
    let status = Command::new("cp").arg("-r").arg(root.join("tests")).arg(work).status()?;
    anyhow::ensure!(status.success(), "cannot copy the tests: {status}");
    // Errors between tests get names.
    let starts_servers = work.join("tests/support/server.tcl");
    let text = std::fs::read_to_string(&starts_servers)? + "\n" + include_str!("outside.tcl");
    std::fs::write(&starts_servers, text)?;
    for name in ["utils", "redis.conf", "sentinel.conf"] {
        symlink(root.join(name), work.join(name))?;
    }
    let bin = work.join("src");
    std::fs::create_dir(&bin)?;
    for name in ["redis-server", "redis-sentinel"] {
        symlink(&programs.server, bin.join(name))?;
    }
    for name in ["redis-cli", "redis-benchmark", "redis-check-rdb", "redis-check-aof"] {
        symlink(programs.tools.join(name), bin.join(name))?;
    }
    Ok(())
}

fn command(file: &str, place: u16, limit: Duration) -> Command {
    let mut command = Command::new("tclsh8.6");
    match file.split_once('/') {
        Some((suite @ ("sentinel" | "cluster"), name)) => {
            command.arg(format!("tests/{suite}/run.tcl")).args(["--single", name]);
        }
        _ => {
            let port = (FIRST_PORT + place * 2 * PORTS).to_string();
            command.args(["tests/test_helper.tcl", "--single", file, "--clients", "1", "--durable"]);
            command.args(["--baseport", &port, "--portcount", &PORTS.to_string()]);
            command.args(["--timeout", &limit.as_secs().to_string()]);
        }
    }
    command.stdin(Stdio::null()).stderr(Stdio::null()).process_group(0);
    command
}

fn end(child: &mut Child) -> Result<()> {
    if child.try_wait()?.is_none() {
        // The group is ours alone: it has the driver's pid.
        let _ = kill(Pid::from_raw(-child.id().cast_signed()), Signal::SIGKILL);
        child.wait()?;
    }
    Ok(())
}

/// Ends processes that work in `work`: all of them, or those that run one program.
fn end_processes(work: &Path, program: Option<&Path>) {
    let wanted = program.and_then(|program| program.canonicalize().ok());
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        let link = |name: &str| std::fs::read_link(entry.path().join(name)).ok();
        let is_here = link("cwd").is_some_and(|folder| folder.starts_with(work));
        let is_it = wanted.is_none() || link("exe") == wanted;
        if is_here && is_it {
            // It may have ended by itself.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}
