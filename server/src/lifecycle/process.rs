//! The process as the operating system sees it: its title, its processors, its pages.

use std::ffi::{OsStr, OsString};
use std::sync::OnceLock;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use parking_lot::Mutex;

use crate::base::log::{Level, log};
use crate::config::Config;
use crate::server::Server;

/// The command by which the process was started: `{title}`.
static CALLED: OnceLock<OsString> = OnceLock::new();

/// Raises the limit of open files to what `maxclients` needs, or lowers `maxclients` to what the limit allows, as Redis
/// does: each client takes a descriptor, and the server keeps some for itself. Fails with the text of a log line if not even
/// a single client could connect.
pub fn raise_file_limit(config: &mut Config) -> Result<(), String> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    const RESERVED: u64 = 32;
    const STEP: u64 = 16;
    let asked = config.maxclients;
    let wanted = u64::from(asked) + RESERVED;
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return Ok(()) };
    if soft >= wanted {
        return Ok(());
    }
    let refused = setrlimit(Resource::RLIMIT_NOFILE, wanted, wanted).err();
    let Some(error) = refused else {
        let text = format!("Increased maximum number of open files to {wanted} (it was originally set to {soft}).");
        log(Level::Notice, &text);
        return Ok(());
    };
    // Only a privileged process may raise the hard limit. Below it, Redis tries decreasing values in steps.
    let steps = wanted.saturating_sub(hard).div_ceil(STEP);
    let best = wanted.saturating_sub(steps * STEP);
    let limit = if best > soft && setrlimit(Resource::RLIMIT_NOFILE, best, hard).is_ok() { best } else { soft };
    if limit >= wanted {
        return Ok(());
    }
    if limit <= RESERVED {
        return Err(format!(
            "Your current 'ulimit -n' of {limit} is not enough for the server to start. Please increase your open file limit to at least {wanted}. Exiting."
        ));
    }
    config.maxclients = (limit - RESERVED) as u32;
    for line in [
        format!("You requested maxclients of {asked} requiring at least {wanted} max file descriptors."),
        format!("Server can't set maximum open files to {wanted} because of OS error: {}.", error.desc()),
        format!(
            "Current maximum open files is {limit}. maxclients has been reduced to {} to compensate for low ulimit. If you need higher maxclients increase 'ulimit -n'.",
            config.maxclients
        ),
    ] {
        log(Level::Warning, &line);
    }
    Ok(())
}

/// Carries out `server_cpulist`, `disable-thp` and `set-proc-title`. Call it before any other thread exists.
pub fn adjust_process(server: &Server, called: &OsStr) {
    let config = &server.config;
    if !config.server_cpulist.is_empty() && pin(&config.server_cpulist).is_none() {
        log(Level::Warning, &format!("Cannot bind to the processors of server_cpulist {}", config.server_cpulist));
    }
    if config.disable_thp && huge_pages_are_on() {
        // SAFETY: this call takes numbers only and changes a flag of the process.
        let failed = unsafe { libc::prctl(libc::PR_SET_THP_DISABLE, 1, 0, 0, 0) } != 0;
        if failed {
            log(Level::Warning, "Cannot disable transparent huge pages for this process");
        }
    }
    if config.set_proc_title {
        CALLED.get_or_init(|| called.to_owned());
        show_title(server);
    }
}

fn huge_pages_are_on() -> bool {
    std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/enabled").is_ok_and(|text| text.contains("[always]"))
}

/// Restricts the process to the listed processors, such as `0,2-5`; a range may have a step after a colon.
fn pin(list: &[u8]) -> Option<()> {
    let mut set = CpuSet::new();
    for part in std::str::from_utf8(list).ok()?.split(',') {
        let (range, step) = part.split_once(':').unwrap_or((part, "1"));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (usize, usize) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        for cpu in (first..=last).step_by(step.trim().parse().ok().filter(|&step| step > 0)?) {
            set.set(cpu).ok()?;
        }
    }
    sched_setaffinity(Pid::from_raw(0), &set).ok()
}

/// Sets the title that `proc-title-template` describes.
pub fn show_title(server: &Server) {
    let Some(called) = CALLED.get() else { return };
    let title = title(server, called);
    if let Err(reason) = TITLE_AREA.get_or_init(TitleArea::claim).as_ref().map(|area| area.write(title.as_bytes())) {
        log(Level::Verbose, &format!("Cannot set the title of the process: {reason}"));
    }
}

fn title(server: &Server, called: &OsStr) -> String {
    let config = &server.config;
    let address = config.bind.0.first().map(|address| address.to_string()).unwrap_or_else(|| "*".into());
    let listens = match (config.port, config.tls_port) {
        (0, 0) => config.unixsocket.to_string(),
        (0, port) | (port, _) => format!("{address}:{port}"),
    };
    let mode = match server.mode_name() {
        "cluster" => " [cluster]",
        "sentinel" => " [sentinel]",
        _ => "",
    };
    let values = [
        ("{title}", called.to_string_lossy().into_owned()),
        ("{listen-addr}", listens),
        ("{server-mode}", mode.trim_start().to_owned()),
        ("{port}", config.port.to_string()),
        ("{tls-port}", config.tls_port.to_string()),
        ("{unixsocket}", config.unixsocket.to_string()),
        ("{config-file}", server.process.config_file.clone()),
    ];
    let mut text = String::new();
    let template = config.proc_title_template.to_string();
    let mut rest = template.as_str();
    while let Some(open) = rest.find('{') {
        text.push_str(&rest[..open]);
        rest = &rest[open..];
        let Some((name, value)) = values.iter().find(|(name, _)| rest.starts_with(name)) else { break };
        text.push_str(value);
        rest = &rest[name.len()..];
    }
    (text + rest).trim_end_matches(' ').to_owned()
}

static TITLE_AREA: OnceLock<Result<TitleArea, String>> = OnceLock::new();

/// The memory in which the kernel put the arguments, followed by the environment. `ps` shows its contents.
struct TitleArea {
    start: usize,
    length: usize,
    writing: Mutex<()>,
}

impl TitleArea {
    /// Finds the area, and moves the environment out of it.
    fn claim() -> Result<Self, String> {
        let stat = std::fs::read_to_string("/proc/self/stat").map_err(|error| error.to_string())?;
        // The name in parentheses may contain anything; the fields after it are counted from the third on.
        let (_, fields) = stat.rsplit_once(") ").ok_or("/proc/self/stat has no name")?;
        let field = |number: usize| fields.split(' ').nth(number - 3)?.trim().parse::<usize>().ok();
        let bounds = || Some((field(48)?, field(49)?, field(50)?, field(51)?));
        let (start, arguments_end, environment, end) = bounds().ok_or("/proc/self/stat is too short")?;
        if start == 0 || arguments_end <= start {
            return Err("the kernel does not tell where the arguments are".into());
        }
        let end = if environment == arguments_end && end > environment { end } else { arguments_end };
        for (name, value) in std::env::vars_os() {
            // SAFETY: no other thread exists yet, as `adjust_process` demands, so nobody reads the environment meanwhile. The
            // C library copies the text to its heap.
            unsafe { std::env::set_var(name, value) };
        }
        Ok(Self { start, length: end - start, writing: Mutex::new(()) })
    }

    fn write(&self, title: &[u8]) {
        let _alone = self.writing.lock();
        let kept = title.len().min(self.length - 1);
        // SAFETY: the kernel says that these bytes, on the first thread's stack, are the arguments and the environment. The
        // process read its arguments before, its environment has moved away, and the stack stays for the process's life.
        unsafe {
            let area = std::ptr::with_exposed_provenance_mut::<u8>(self.start);
            std::ptr::copy_nonoverlapping(title.as_ptr(), area, kept);
            std::ptr::write_bytes(area.add(kept), 0, self.length - kept);
        }
    }
}
