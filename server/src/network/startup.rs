//! Starting the server, from the command line to accepting connections, and ending it.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::loading::LoadingGuard;
use super::vital::spawn_vital;
use super::{Node, Shared, listener, timers};
use crate::base::REDIS_VERSION;
use crate::base::allocator::used_memory;
use crate::base::clock::now_ms;
use crate::base::log::{self, Level, log};
use crate::base::random::Random;
use crate::config::Config;
use crate::config::cli::{self, Arguments, Startup};
use crate::config::file::{ConfigError, FatalError, StartupConfig, os_text};
use crate::config::values::{Supervised, SyslogFacility};
use crate::persistence::chunks::read_ahead;
use crate::persistence::load::{LoadError, load};
use crate::sentinel::Sentinel;
use crate::server::driver::{Clock, Driver};
use crate::server::mode::Mode;
use crate::server::network::Order;
use crate::server::state::Server;

/// Runs the server as `redis-server ARGS...` would; returns the process's exit code.
///
/// `argv[0]` selects Sentinel mode if it contains `redis-sentinel`.
pub fn run(argv: Vec<OsString>) -> i32 {
    match cli::parse(&argv) {
        Startup::Version => {
            println!("Redis server v={REDIS_VERSION} sha=00000000:0 malloc=jemalloc-5.3.0 bits=64 build=0");
            0
        }
        Startup::Help => {
            eprint!("{}", cli::HELP);
            1
        }
        Startup::TestMemory(None) => {
            eprintln!("Please specify the amount of memory to test in megabytes.");
            eprintln!("Example: ./redis-server --test-memory 4096\n");
            1
        }
        Startup::TestMemory(Some(megabytes)) => super::selftest::memory(megabytes),
        Startup::CheckSystem => super::selftest::system(),
        Startup::CheckRdb(files) => super::selftest::check_rdb(&files),
        Startup::CheckAof(_) => {
            eprintln!("Checking append-only files is not part of this server yet.");
            1
        }
        Startup::Serve(arguments) => serve(&argv, &arguments),
    }
}

fn serve(argv: &[OsString], arguments: &Arguments) -> i32 {
    // Paths on the command line are relative to where the process was started, regardless of `dir` in the file.
    let executable = executable(argv);
    let arguments = &Arguments { file: arguments.file.as_deref().map(absolute), ..arguments.clone() };
    let loaded = match read_configuration(arguments) {
        Ok(loaded) => loaded,
        Err(ConfigError::Fatal(error)) => {
            eprint!("{error}");
            return 1;
        }
        Err(error) => {
            log(Level::Warning, &error.to_string());
            return 1;
        }
    };
    let with_file = arguments.file.is_some() || arguments.stdin;
    if let Err(error) = super::unsupported::check(&loaded) {
        eprint!("{error}");
        return 1;
    }
    if let Err(error) = super::users::check_lines(&loaded, arguments.sentinel) {
        eprint!("{error}");
        return 1;
    }
    let logfile = &loaded.config.logfile;
    if !logfile.is_empty()
        && let Err(error) = std::fs::OpenOptions::new().append(true).create(true).open(logfile.as_path())
    {
        let reason = format!("Can't open the log file: {}", os_text(&error));
        eprint!("{}", FatalError { place: None, reason });
        return 1;
    }
    let config_file = arguments.file.clone().unwrap_or_default();
    let sentinel = match arguments.sentinel.then(|| sentinel_mode(&loaded, &config_file)).transpose() {
        Ok(sentinel) => sentinel,
        Err(code) => return code,
    };
    let program = Program { executable, title: argv.first().cloned().unwrap_or_default(), config_file };
    start(program, loaded, with_file || !arguments.options.is_empty(), sentinel)
}

/// The machine of Sentinel mode as the configuration describes it. It refuses to run without a writable file.
fn sentinel_mode(loaded: &StartupConfig, file: &Path) -> Result<Box<Driver<Sentinel>>, i32> {
    log::set_role(b'X');
    let clock = Clock::start();
    let mut core = Sentinel::new(clock.now(), Random::from_os());
    let config = &loaded.config;
    core.settings.port = if config.tls_replication && config.tls_port != 0 { config.tls_port } else { config.port };
    core.settings.requirepass = loaded.config.requirepass.to_vec();
    let resolve = |host: &str| crate::commands::sentinel::resolve(host);
    if let Err(error) = core.configure_from(&loaded.sentinel, &resolve) {
        eprint!("{error}");
        return Err(1);
    }
    if let Err(error) = check_scripts(loaded) {
        eprint!("{error}");
        return Err(1);
    }
    if file.as_os_str().is_empty() {
        log(Level::Warning, "Sentinel needs config file on disk to save state. Exiting...");
        return Err(1);
    }
    if let Err(error) = std::fs::OpenOptions::new().append(true).open(file) {
        let (path, reason) = (file.display(), os_text(&error));
        log(Level::Warning, &format!("Sentinel config file {path} is not writable: {reason}. Exiting..."));
        return Err(1);
    }
    Ok(Box::new(Driver::new(core, clock)))
}

/// Checks that configured scripts exist and are executable.
fn check_scripts(loaded: &StartupConfig) -> Result<(), FatalError> {
    for directive in &loaded.sentinel {
        let [_, name, _, path] = directive.words.as_slice() else { continue };
        let what = match name.to_ascii_lowercase().as_slice() {
            b"notification-script" => "Notification",
            b"client-reconfig-script" => "Client reconfiguration",
            _ => continue,
        };
        if !crate::commands::sentinel::is_executable(path) {
            return Err(directive.error(format!("{what} script seems non existing or non executable.")));
        }
    }
    Ok(())
}

fn read_configuration(arguments: &Arguments) -> Result<StartupConfig, ConfigError> {
    let mut change_dir = |path: &Path| std::env::set_current_dir(path);
    let config = match arguments.sentinel {
        true => Config { port: 26379, protected_mode: false, ..Config::default() },
        false => Config::default(),
    };
    arguments.load(config, io::stdin().lock(), &mut change_dir)
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// The program and its paths, resolved before `dir` changes the meaning of relative paths.
struct Program {
    executable: String,
    /// The command by which it was started.
    title: OsString,
    config_file: PathBuf,
}

fn start(program: Program, loaded: StartupConfig, configured: bool, sentinel: Option<Box<Driver<Sentinel>>>) -> i32 {
    let mut config = loaded.config;
    if config.dir.is_empty() || config.dir.as_path().is_relative() {
        let here = std::env::current_dir().unwrap_or_default();
        config.dir = here.to_string_lossy().as_ref().into();
    }
    log::set_level(config.loglevel.threshold());
    log::set_file(&config.logfile.to_string_lossy());
    if config.syslog_enabled {
        log::set_syslog(&config.syslog_ident.to_string_lossy(), facility(config.syslog_facility));
    }
    if config.daemonize
        && let Err(error) = daemonize()
    {
        eprintln!("cannot go into the background: {error}");
        return 1;
    }
    announce(configured);
    if let Err(text) = crate::lifecycle::process::raise_file_limit(&mut config) {
        log(Level::Warning, &text);
        return 1;
    }
    let mut server = Server::new(config, crate::commands::catalogue(), sentinel.is_some());
    server.stats.startup_memory = used_memory();
    if let Some(driver) = sentinel {
        server.mode = Mode::Sentinel(driver);
    }
    server.process.executable = program.executable;
    server.process.config_file = program.config_file.to_string_lossy().into_owned();
    crate::lifecycle::process::adjust_process(&server, &program.title);
    if let Err(error) = server.adjust_oom_score() {
        log(Level::Warning, &format!("Cannot set the OOM score: {}", os_text(&error)));
    }
    for rename in &loaded.renames {
        let [_, old, new] = rename.words.as_slice() else { continue };
        if let Err(reason) = server.registry.rename(old, new) {
            eprint!("{}", rename.error(reason));
            return 1;
        }
    }
    if let Err(text) = super::users::load(&mut server, &loaded.users) {
        log(Level::Warning, &text);
        return 1;
    }
    if crate::tls::is_wanted(&server.config) {
        match crate::tls::Contexts::load(&server.config) {
            Ok(contexts) => server.network.tls = Some(Arc::new(contexts)),
            Err(reason) => {
                log(Level::Warning, &reason);
                log(Level::Warning, "Failed to configure TLS. Check logs for more info.");
                return 1;
            }
        }
    }
    if server.config.cluster_enabled && !server.mode.is_sentinel() {
        match super::cluster::mode(&server.config) {
            Ok(mode) => server.mode = Mode::Cluster(mode),
            Err(text) => {
                log(Level::Warning, &text);
                return 1;
            }
        }
    }
    ignore_file_size_signal();
    let threads = server.config.io_threads as usize;
    let runtime = match runtime(threads) {
        Ok(runtime) => runtime,
        Err(error) => {
            log(Level::Warning, &format!("Cannot start the runtime: {error}"));
            return 1;
        }
    };
    let code = runtime.block_on(live(server));
    // Tasks that are still waiting end with the process.
    runtime.shutdown_background();
    code
}

/// Ignores SIGXFSZ, so that exceeding a file size limit is a write error, like a full disk, and does not end the process.
fn ignore_file_size_signal() {
    use nix::sys::signal::{SigHandler, Signal, signal};
    // SAFETY: no handler of ours runs; the signal is ignored from now on.
    if let Err(error) = unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn) } {
        log(Level::Warning, &format!("Cannot ignore SIGXFSZ: {error}"));
    }
}

/// The number of a syslog facility in `<syslog.h>`.
fn facility(facility: SyslogFacility) -> i32 {
    match facility {
        SyslogFacility::User => libc::LOG_USER,
        SyslogFacility::Local0 => libc::LOG_LOCAL0,
        SyslogFacility::Local1 => libc::LOG_LOCAL1,
        SyslogFacility::Local2 => libc::LOG_LOCAL2,
        SyslogFacility::Local3 => libc::LOG_LOCAL3,
        SyslogFacility::Local4 => libc::LOG_LOCAL4,
        SyslogFacility::Local5 => libc::LOG_LOCAL5,
        SyslogFacility::Local6 => libc::LOG_LOCAL6,
        SyslogFacility::Local7 => libc::LOG_LOCAL7,
    }
}

fn runtime(threads: usize) -> io::Result<tokio::runtime::Runtime> {
    if threads <= 1 {
        return tokio::runtime::Builder::new_current_thread().enable_all().build();
    }
    tokio::runtime::Builder::new_multi_thread().worker_threads(threads).thread_name("io").enable_all().build()
}

fn executable(argv: &[OsString]) -> String {
    let name = argv.first().cloned().unwrap_or_default();
    absolute(Path::new(&name)).to_string_lossy().into_owned()
}

fn announce(configured: bool) {
    log(Level::Warning, "oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo");
    let pid = std::process::id();
    log(
        Level::Warning,
        &format!("Redis version={REDIS_VERSION}, bits=64, commit=00000000, modified=0, pid={pid}, just started"),
    );
    if configured {
        log(Level::Warning, "Configuration loaded");
    } else {
        log(
            Level::Warning,
            "Warning: no config file specified, using the default config. In order to specify a config file use redis-server /path/to/redis.conf",
        );
    }
}

fn daemonize() -> io::Result<()> {
    use nix::unistd::{ForkResult, fork, setsid};
    // SAFETY: no other thread exists yet: this runs before the runtime starts.
    match unsafe { fork() }.map_err(io::Error::from)? {
        ForkResult::Parent { .. } => std::process::exit(0),
        ForkResult::Child => {
            setsid().map_err(io::Error::from)?;
            let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
            for standard in 0..=2 {
                use std::os::fd::AsRawFd;
                // SAFETY: both descriptors are open, and nobody else uses the standard ones now.
                unsafe { libc::dup2(null.as_raw_fd(), standard) };
            }
            Ok(())
        }
    }
}

async fn live(server: Server) -> i32 {
    let (exit, mut exits) = mpsc::unbounded_channel();
    let shared: Shared = Arc::new(Node::new(server, exit));
    super::crash::report_panics(&shared);
    shared.turn().network.order(Order::Supervise);
    log(Level::Notice, "monotonic clock: POSIX clock_gettime");
    let config = shared.peek().config.clone();
    let with_bus = shared.peek().mode.is_cluster();
    let bound = listener::bind(&config)
        .and_then(|bound| Ok((bound, if with_bus { super::cluster::bind(&config)? } else { Vec::new() })));
    let (bound, bus) = match bound {
        Ok(bound) => bound,
        Err(reason) => {
            log(Level::Warning, &reason);
            return 1;
        }
    };
    let (port, mode) = {
        let server = shared.peek();
        let port = if server.config.port == 0 { server.config.tls_port } else { server.config.port };
        (port, server.mode_name())
    };
    if let Err(error) = super::signals::listen(&shared) {
        log(Level::Warning, &format!("Cannot listen to signals: {error}"));
        return 1;
    }
    banner(&shared.peek().config, mode, port);
    write_pidfile(&shared.peek().config);
    let mut listeners = bound.serve(&shared);
    if mode == "sentinel" {
        watch_others(&shared);
    } else {
        log(Level::Warning, "Server initialized");
        let with_aof = shared.peek().config.appendonly;
        let load =
            async { if with_aof { super::aof_job::load_at_start(&shared).await } else { load_dataset(&shared).await } };
        let loaded = tokio::select! {
            loaded = load => loaded,
            Some(code) = exits.recv() => return finish(&shared, code),
        };
        if let Err(text) = loaded {
            log(Level::Warning, &text);
            return 1;
        }
        if with_bus {
            if let Some(text) = shared.peek().misplaced_keys() {
                log(Level::Warning, &text);
                return 1;
            }
            super::cluster::serve(&shared, bus);
        }
        super::timers::retry_postponed(&mut shared.turn());
        follow_configured_primary(&shared);
        if config.port != 0 || config.tls_port != 0 {
            log(Level::Notice, "Ready to accept connections");
        }
        if !config.unixsocket.is_empty() {
            let path = config.unixsocket.to_string_lossy();
            log(Level::Notice, &format!("The server is now ready to accept connections at {path}"));
        }
    }
    tell_supervisor(shared.peek().config.supervised);
    spawn_vital("timers", timers::run(Arc::clone(&shared)));
    loop {
        tokio::select! {
            Some(code) = exits.recv() => return finish(&shared, code),
            () = shared.listen.notified() => listeners.follow(&shared),
        }
    }
}

/// Starts Sentinel's machine: from now on it is told what happens.
fn watch_others(shared: &Shared) {
    let mut server = shared.turn();
    server.with_sentinel(Sentinel::start);
    spawn_vital("Sentinel", super::sentinel::run(Arc::clone(shared)));
}

fn finish(shared: &Shared, code: i32) -> i32 {
    // A change of the manifest is completed, and none begins any more.
    std::mem::forget(shared.manifest.lock());
    // The operating system reclaims the memory at once. Freeing it key by key would delay the end of the process.
    std::mem::forget(Arc::clone(shared));
    code
}

fn banner(config: &Config, mode: &str, port: u16) {
    use std::io::IsTerminal;
    let logo = config.always_show_logo || (config.logfile.is_empty() && io::stdout().is_terminal());
    if logo {
        log::write_raw(&format!(
            "\n   {mode} server, compatible with Redis {REDIS_VERSION}\n   Port: {port}\n   PID: {}\n\n",
            std::process::id()
        ));
    } else {
        log(Level::Notice, &format!("Running mode={mode}, port={port}."));
    }
}

fn write_pidfile(config: &Config) {
    let path = if config.pidfile.is_empty() {
        if !config.daemonize {
            return;
        }
        PathBuf::from("/var/run/redis.pid")
    } else {
        config.pidfile.as_path().to_path_buf()
    };
    if let Err(error) = std::fs::write(&path, format!("{}\n", std::process::id())) {
        log(Level::Warning, &format!("Failed to write PID file: {}", os_text(&error)));
    }
}

/// `supervised`: tells systemd by its notification socket, or upstart by a stop signal, that the server is ready.
fn tell_supervisor(supervised: Supervised) {
    let socket = std::env::var_os("NOTIFY_SOCKET");
    let systemd = matches!(supervised, Supervised::Systemd | Supervised::Auto);
    if let Some(path) = socket.filter(|_| systemd) {
        let sent = std::os::unix::net::UnixDatagram::unbound()
            .and_then(|socket| socket.send_to(b"STATUS=Ready to accept connections\nREADY=1\n", path));
        if let Err(error) = sent {
            log(Level::Warning, &format!("Cannot tell systemd that the server is ready: {error}"));
        }
    }
    let upstart = matches!(supervised, Supervised::Upstart | Supervised::Auto);
    if upstart && std::env::var_os("UPSTART_JOB").is_some() {
        // Upstart continues and wakes us again when it sees us stopped.
        let _ = nix::sys::signal::raise(nix::sys::signal::Signal::SIGSTOP);
    }
}

fn follow_configured_primary(shared: &Shared) {
    let mut server = shared.turn();
    if let Some((host, port)) = server.config.replicaof.0.clone() {
        server.with_replication(None, |machine| machine.follow(host.to_string(), port));
        // A new replica has no history from which it could continue.
        if !server.persistence.restored_history {
            server.replication.forget_history();
        }
    }
}

/// Loads the dataset, if there is one. Connections are accepted in the meantime, and told to wait.
async fn load_dataset(shared: &Shared) -> Result<(), String> {
    let (path, file, guard, options) = {
        let mut server = shared.turn();
        let path = server.rdb_path();
        // A replica keeps expired keys until its primary deletes them.
        let primary = server.starts_as_primary();
        let file = match std::fs::File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(format!("Fatal error loading the DB: {}. Exiting.", os_text(&error))),
        };
        let total = file.metadata().map_or(0, |metadata| metadata.len());
        let guard = LoadingGuard::begin(shared, &mut server, total, false, |_| {});
        (path, file, guard, server.load_options(primary))
    };
    let started = std::time::Instant::now();
    let source = read_ahead(file).map_err(|error| error.to_string())?;
    let result = super::transfer::in_thread(shared, move |progress| load(source, &options, progress)).await;
    let mut server = shared.turn();
    guard.end(&mut server);
    match result {
        Ok(Ok(loaded)) => {
            report_loaded(&loaded, started.elapsed());
            server.restore_replication(&loaded);
            server.install(loaded).map_err(|text| {
                log(Level::Warning, &text);
                "Terminating server after rdb file reading failure.".to_owned()
            })
        }
        Ok(Err(LoadError::Format(error))) => {
            log(Level::Warning, &error.to_string());
            // Redis checks the file then; tools look for the lines of its report.
            log::write_raw(&format!("--- RDB ERROR DETECTED ---\n[offset {}] {error}\n", error.offset));
            log(
                Level::Warning,
                &format!("{} was not modified. redis-check-rdb can show more details.", path.display()),
            );
            Err("Terminating server after rdb file reading failure.".to_owned())
        }
        Ok(Err(error)) => Err(error.to_string()),
        Err(error) => Err(format!("Fatal error loading the DB: {error}. Exiting.")),
    }
}

fn report_loaded(loaded: &crate::persistence::load::LoadedData, elapsed: std::time::Duration) {
    if let Some(version) = &loaded.version {
        log(Level::Notice, &format!("Loading RDB produced by version {version}"));
    }
    if let Some(created) = loaded.created {
        log(Level::Notice, &format!("RDB age {} seconds", (now_ms() / 1000 - created).max(0)));
    }
    if let Some(used) = loaded.used_memory {
        log(Level::Notice, &format!("RDB memory usage when created {:.2} Mb", used as f64 / (1 << 20) as f64));
    }
    loaded.report();
    log(Level::Notice, &format!("DB loaded from disk: {:.3} seconds", elapsed.as_secs_f64()));
}
