//! The CONFIG command, and what changed options have to bring about. The options themselves are in `config/`.

use std::path::Path;

use crate::acl::Users;
use crate::base::log;
use crate::config::rewrite::{Rewrite, rewrite, write_atomically};
use crate::config::{Access, Change, SetContext, SetError};
use crate::resp::Args;
use crate::server::client::ClientFlags;
use crate::server::error::*;
use crate::server::network::Order;
use crate::server::state::Server;
use crate::server::{CommandError, CommandResult, Family, Handler, ServerContext};

/// Handlers of the family.
pub static FAMILY: Family = &[
    ("config|get", Handler::Server(get)),
    ("config|help", Handler::Server(help)),
    ("config|resetstat", Handler::Server(resetstat)),
    ("config|rewrite", Handler::Server(rewrite_file)),
    ("config|set", Handler::Server(set)),
];

/// `CONFIG GET pattern [pattern ...]`.
fn get(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    let patterns: Vec<&[u8]> = args.from(2).collect();
    let mut found = ctx.server.config.get(&patterns);
    // `replicaof` shows the present primary, which commands may have changed.
    let primary =
        ctx.server.replication.follower().map(|it| format!("{} {}", it.host(), it.port())).unwrap_or_default();
    for (name, value) in &mut found {
        if name.eq_ignore_ascii_case(b"replicaof") || name.eq_ignore_ascii_case(b"slaveof") {
            *value = primary.clone().into_bytes();
        }
    }
    let mut reply = ctx.reply();
    reply.map(found.len());
    for (name, value) in &found {
        reply.bulk(name);
        reply.bulk(value);
    }
    Ok(())
}

/// Whether a client may use a command guarded by `access`.
pub fn allows(access: Access, ctx: &ServerContext<'_>) -> bool {
    match access {
        Access::Yes => true,
        Access::Local => ctx.client.flags.intersects(ClientFlags::LOCAL),
        Access::No => false,
    }
}

/// `CONFIG SET parameter value [parameter value ...]`: all or nothing.
fn set(ctx: &mut ServerContext<'_>, args: &Args<'_>) -> CommandResult {
    if !args.len().is_multiple_of(2) {
        return Err(SYNTAX);
    }
    let words: Vec<&[u8]> = args.from(2).collect();
    let pairs: Vec<(&[u8], &[u8])> = words.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
    let context = SetContext {
        protected: allows(ctx.server.config.enable_protected_configs, ctx),
        loading: ctx.server.persistence.is_loading(),
    };
    let refuse = |error: SetError| match error {
        SetError::Loading(_) => LOADING,
        SetError::Unknown(name) => CommandError::text(
            [b"ERR Unknown option or number of arguments for CONFIG SET - '", name.as_slice(), b"'"].concat(),
        ),
        error => CommandError::text(format!("ERR {error}")),
    };
    let Change { config, changed } = ctx.server.config.plan_set(&pairs, context).map_err(refuse)?;
    let in_exec = ctx.client.flags.intersects(ClientFlags::IN_EXEC);
    let old = std::mem::replace(&mut ctx.server.config, config);
    let mut tls_is_loaded = false;
    for (spec, name) in &changed {
        let of_tls = spec.name.starts_with("tls-") && spec.name != "tls-port";
        if of_tls && std::mem::replace(&mut tls_is_loaded, true) {
            continue;
        }
        if let Err(reason) = apply(ctx.server, spec.name, in_exec) {
            ctx.server.config = old;
            for (spec, _) in &changed {
                // Reverts to the settings that worked before.
                let _ = apply(ctx.server, spec.name, in_exec);
            }
            ctx.server.apply_config();
            return Err(refuse(SetError::failed(name, reason)));
        }
    }
    if changed.iter().any(|(spec, _)| spec.name == "requirepass") {
        ctx.server.put_default_password(ctx.client);
    }
    ctx.server.apply_config();
    ctx.reply().ok();
    Ok(())
}

/// Carries out what a changed option requires besides its value.
fn apply(server: &mut Server, name: &str, in_exec: bool) -> Result<(), String> {
    match name {
        "dir" => change_directory(server),
        "loglevel" => {
            log::set_level(server.config.loglevel.threshold());
            Ok(())
        }
        "watchdog-period" | "crash-log-enabled" | "use-exit-on-panic" => {
            // Two ticks at least, as in Redis: the watchdog relies on the timers to see whether the event loop is alive.
            let (period, least) = (server.config.watchdog_period, 2 * (1000 / server.config.hz.max(1)));
            server.config.watchdog_period = if period == 0 { 0 } else { period.max(least) };
            server.network.order(Order::Supervise);
            Ok(())
        }
        "tls-port" if server.config.tls_port != 0 && server.network.certificates().is_none() => {
            load_tls(server)?;
            rebind(server, name)
        }
        "port" | "bind" | "tls-port" => rebind(server, name),
        name if name.starts_with("tls-") && crate::tls::is_wanted(&server.config) => load_tls(server),
        "maxmemory" => {
            server.effects.evict_at_end();
            Ok(())
        }
        "appendonly" if server.config.appendonly => server.start_aof(in_exec),
        "appendonly" => {
            server.stop_aof();
            Ok(())
        }
        "oom-score-adj" | "oom-score-adj-values" => server
            .adjust_oom_score()
            .map_err(|_| "Failed to apply new oom_score_adj configuration, check server logs.".to_owned()),
        "proc-title-template" => {
            crate::lifecycle::process::show_title(server);
            Ok(())
        }
        "maxclients" => {
            let wanted = server.config.maxclients;
            crate::lifecycle::process::raise_file_limit(&mut server.config)?;
            let possible = server.config.maxclients;
            if possible == wanted {
                return Ok(());
            }
            Err(format!(
                "The operating system is not able to handle the specified number of clients, try with {possible}"
            ))
        }
        "hz" => {
            server.network.order(Order::Rearm);
            Ok(())
        }
        _ => Ok(()),
    }
}

fn rebind(server: &mut Server, name: &str) -> Result<(), String> {
    crate::lifecycle::listening::rebind(server).map_err(|_| match name {
        "bind" => "Failed to bind to specified addresses.".to_string(),
        _ => "Unable to listen on this port. Check server logs.".to_string(),
    })
}

/// Reloads certificates and keys. If that fails, those in use stay.
fn load_tls(server: &mut Server) -> Result<(), String> {
    match crate::tls::Contexts::load(&server.config) {
        Ok(contexts) => {
            server.network.use_certificates(contexts);
            Ok(())
        }
        Err(reason) => {
            log::log(log::Level::Warning, &reason);
            Err("Unable to update TLS configuration. Check server logs.".to_owned())
        }
    }
}

fn change_directory(server: &mut Server) -> Result<(), String> {
    let wanted = server.config.dir.as_path().to_path_buf();
    std::env::set_current_dir(&wanted).map_err(|error| crate::config::file::os_text(&error))?;
    if let Ok(here) = std::env::current_dir() {
        server.config.dir = here.to_string_lossy().as_ref().into();
    }
    Ok(())
}

/// `CONFIG RESETSTAT`.
fn resetstat(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    ctx.server.stats.reset();
    ctx.server.keyspace.reset_stats();
    crate::store::lazy::reset_freed();
    ctx.reply().ok();
    Ok(())
}

/// `CONFIG REWRITE`: the settings in force, in the file they came from.
fn rewrite_file(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    if ctx.server.process.config_file.is_empty() {
        return Err(CommandError::Static("ERR The server is running without a config file"));
    }
    rewrite_now(ctx.server, false).map_err(|error| {
        CommandError::text(format!("ERR Rewriting config file: {}", crate::config::file::os_text(&error)))
    })?;
    ctx.reply().ok();
    Ok(())
}

/// Writes a Sentinel's state to its configuration file; false, with a line in the log, if that fails.
pub fn save_sentinel(server: &Server) -> bool {
    match rewrite_now(server, false) {
        Ok(()) => {
            log::log(log::Level::Notice, "Sentinel new configuration saved on disk");
            true
        }
        Err(error) => {
            let reason = crate::config::file::os_text(&error);
            let text = "WARNING: Sentinel was not able to save the new configuration on disk!!!";
            log::log(log::Level::Warning, &format!("{text}: {reason}"));
            false
        }
    }
}

/// Rewrites the configuration file; with `force_all`, options at their default are written, too.
///
/// # Errors
/// An error of the file system; the old file is then unchanged.
pub fn rewrite_now(server: &Server, force_all: bool) -> std::io::Result<()> {
    let path = Path::new(&server.process.config_file);
    let old = match std::fs::read(path) {
        Ok(old) => old,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    let mut config = server.config.clone();
    if !server.mode.is_sentinel() {
        config.replicaof.0 = server.replication.follower().map(|it| (it.host().into(), it.port()));
    }
    // With an ACL file, users are written there instead, by ACL SAVE.
    let mut lines = Vec::new();
    if config.aclfile.is_empty() {
        let acl = &server.acl;
        lines.extend(acl.users().iter().map(|user| ("user".to_string(), Users::line(user, acl.catalogue))));
    }
    let mut others = vec!["user"];
    let sentinel = server.sentinel_core();
    if let Some(core) = sentinel {
        lines.extend(core.lines());
        others.extend(crate::sentinel::settings::KEYS);
    }
    let sentinel_mode = sentinel.is_some();
    let text = rewrite(&old, &Rewrite { config: &config, lines: &lines, others: &others, sentinel_mode, force_all });
    write_atomically(path, &text)
}

/// `CONFIG HELP`.
fn help(ctx: &mut ServerContext<'_>, _args: &Args<'_>) -> CommandResult {
    super::help(
        &mut ctx.reply(),
        "CONFIG",
        &[
            "GET <pattern>",
            "    Show the settings whose names match <pattern>, with their values.",
            "SET <directive> <value>",
            "    Change the setting <directive> to <value>.",
            "RESETSTAT",
            "    Set the counters of INFO back to zero.",
            "REWRITE",
            "    Write the settings in force into the configuration file.",
        ],
    );
    Ok(())
}
