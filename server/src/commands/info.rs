//! The text of INFO, section by section. The counters behind it are in `info/`.

use std::fmt::Write;

use crate::base::allocator::used_memory;
use crate::base::clock::{Millis, now_us};
use crate::base::offset::Offset;
use crate::commands::sentinel_view::status;
use crate::info::process;
use crate::server::registry::Command;
use crate::server::state::Server;
use crate::store::access::lru_clock;
use crate::store::lazy;

/// A section: its name, whether INFO without arguments shows it, and the function that writes it.
type Section = (&'static str, bool, fn(&Server, &mut String));

/// Sections in the order in which they are printed.
const SECTIONS: [Section; 13] = [
    ("server", true, server_section),
    ("clients", true, clients),
    ("memory", true, memory),
    ("persistence", true, persistence),
    ("stats", true, stats),
    ("replication", true, replication),
    ("cpu", true, cpu),
    ("modules", true, modules),
    ("commandstats", false, commandstats),
    ("errorstats", true, errorstats),
    ("latencystats", false, latencystats),
    ("cluster", true, cluster),
    ("keyspace", true, keyspace),
];

/// Sections in Sentinel mode.
const OF_SENTINEL: [Section; 5] = [
    ("server", true, server_section),
    ("clients", true, clients),
    ("stats", true, stats),
    ("cpu", true, cpu),
    ("sentinel", true, sentinel),
];

/// Writes the named sections; the default ones if no name is given.
pub fn info(server: &Server, wanted: &[&[u8]]) -> String {
    let has = |name: &str| wanted.iter().any(|word| word.eq_ignore_ascii_case(name.as_bytes()));
    let all = has("all") || has("everything");
    let default = wanted.is_empty() || has("default");
    let mut out = String::new();
    let sections: &[Section] = if server.mode.is_sentinel() { &OF_SENTINEL } else { &SECTIONS };
    for &(name, shown, write) in sections {
        if all || has(name) || (default && shown) {
            if !out.is_empty() {
                out.push_str("\r\n");
            }
            write(server, &mut out);
        }
    }
    out
}

macro_rules! fields {
    ($out:expr, $($name:literal = $value:expr),* $(,)?) => {
        // Writing to a String cannot fail.
        $( let _ = write!($out, concat!($name, ":{}\r\n"), $value); )*
    };
}

fn flag(truth: bool) -> u8 {
    u8::from(truth)
}

fn ok(good: bool) -> &'static str {
    if good { "ok" } else { "err" }
}

/// Formats bytes as `1.50M`.
pub fn human(bytes: u64) -> String {
    const UNITS: [(&str, u32); 5] = [("P", 50), ("T", 40), ("G", 30), ("M", 20), ("K", 10)];
    for (unit, shift) in UNITS {
        if bytes >= 1 << shift {
            return format!("{:.2}{unit}", bytes as f64 / (1u64 << shift) as f64);
        }
    }
    format!("{bytes}B")
}

fn server_section(server: &Server, out: &mut String) {
    let config = &server.config;
    let uptime = (server.time.now - server.process.started()).max(0) / 1000;
    out.push_str("# Server\r\n");
    fields!(
        out,
        "redis_version" = crate::base::REDIS_VERSION,
        "redis_git_sha1" = "00000000",
        "redis_git_dirty" = 0,
        "redis_build_id" = "0",
        "redis_mode" = server.mode_name(),
        "implementation_name" = "redis-topologies",
        "implementation_version" = env!("CARGO_PKG_VERSION"),
        "os" = process::system(),
        "arch_bits" = 64,
        "monotonic_clock" = "POSIX clock_gettime",
        "multiplexing_api" = "epoll",
        "atomicvar_api" = "c11-builtin",
        "gcc_version" = "0.0.0",
        "process_id" = std::process::id(),
        "process_supervised" = config.supervised,
        "run_id" = server.process.run_id(),
        "tcp_port" = if config.port == 0 { config.tls_port } else { config.port },
        "server_time_usec" = now_us(),
        "uptime_in_seconds" = uptime,
        "uptime_in_days" = uptime / 86_400,
        "hz" = config.hz,
        "configured_hz" = config.hz,
        "lru_clock" = lru_clock(server.time.now),
        "executable" = server.process.executable,
        "config_file" = server.process.config_file,
        "io_threads_active" = flag(config.io_threads > 1),
    );
    if let Some(deadline) = server.process.shutdown().deadline() {
        fields!(out, "shutdown_in_milliseconds" = (deadline - server.time.now).max(0));
    }
}

fn clients(server: &Server, out: &mut String) {
    let replicas = server.replication.replicas().count();
    let largest = |f: fn(&crate::server::Client) -> usize| server.clients.iter().map(f).max().unwrap_or(0);
    out.push_str("# Clients\r\n");
    fields!(
        out,
        "connected_clients" = server.clients.len().saturating_sub(replicas),
        "cluster_connections" = server.mode.cluster().map_or(0, |mode| mode.links.totals().0),
        "maxclients" = server.config.maxclients,
        "client_recent_max_input_buffer" = largest(|client| client.input.unparsed + client.input.arguments),
        "client_recent_max_output_buffer" = largest(|client| client.output()),
        "blocked_clients" = server.waiting.blocked().len(),
        "tracking_clients" = server.audience.tracking.client_count(),
        "clients_in_timeout_table" = server
            .clients
            .iter()
            .filter(|client| client.block.as_ref().is_some_and(|block| block.deadline.is_some()))
            .count(),
    );
}

fn memory(server: &Server, out: &mut String) {
    let used = used_memory();
    let rss = process::resident();
    let peak = server.stats.peak_memory.max(used);
    let startup = server.stats.startup_memory();
    let overhead = overhead(server);
    let dataset = used.saturating_sub(overhead);
    let total = process::total_memory();
    let percent = |part: usize, whole: usize| if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 };
    let ratio = |a: usize, b: usize| if b == 0 { 0.0 } else { a as f64 / b as f64 };
    let (allocated, active, resident) = process::allocator();
    let (vm_eval, vm_functions) = (server.scripting.scripts.memory(), server.scripting.functions.engine.memory());
    let (scripts_eval, functions) = (server.scripting.scripts.scripts_memory(), server.scripting.functions.memory());
    out.push_str("# Memory\r\n");
    let buffers = server.buffer_memory();
    fields!(
        out,
        "used_memory" = used,
        "used_memory_human" = human(used as u64),
        "used_memory_rss" = rss,
        "used_memory_rss_human" = human(rss as u64),
        "used_memory_peak" = peak,
        "used_memory_peak_human" = human(peak as u64),
        "used_memory_peak_perc" = format!("{:.2}%", percent(used, peak)),
        "used_memory_overhead" = overhead,
        "used_memory_startup" = startup,
        "used_memory_dataset" = dataset,
        "used_memory_dataset_perc" = format!("{:.2}%", percent(dataset, used.saturating_sub(startup))),
        "allocator_allocated" = allocated,
        "allocator_active" = active,
        "allocator_resident" = resident,
        "total_system_memory" = total,
        "total_system_memory_human" = human(total as u64),
        "used_memory_lua" = vm_eval,
        "used_memory_vm_eval" = vm_eval,
        "used_memory_lua_human" = human(vm_eval as u64),
        "used_memory_scripts_eval" = scripts_eval,
        "number_of_cached_scripts" = server.scripting.scripts.script_count(),
        "number_of_functions" = server.scripting.functions.count(),
        "number_of_libraries" = server.scripting.functions.libraries().len(),
        "used_memory_vm_functions" = vm_functions,
        "used_memory_vm_total" = vm_eval + vm_functions,
        "used_memory_vm_total_human" = human((vm_eval + vm_functions) as u64),
        "used_memory_functions" = functions,
        "used_memory_scripts" = scripts_eval + functions,
        "used_memory_scripts_human" = human((scripts_eval + functions) as u64),
        "maxmemory" = server.config.maxmemory,
        "maxmemory_human" = human(server.config.maxmemory),
        "maxmemory_policy" = server.config.maxmemory_policy,
        "allocator_frag_ratio" = format!("{:.2}", ratio(active, allocated)),
        "allocator_frag_bytes" = active.saturating_sub(allocated),
        "allocator_rss_ratio" = format!("{:.2}", ratio(resident, active)),
        "allocator_rss_bytes" = resident as i64 - active as i64,
        "rss_overhead_ratio" = format!("{:.2}", ratio(rss, resident)),
        "rss_overhead_bytes" = rss as i64 - resident as i64,
        "mem_fragmentation_ratio" = format!("{:.2}", ratio(rss, used)),
        "mem_fragmentation_bytes" = rss as i64 - used as i64,
        "mem_not_counted_for_evict" = server.memory_not_counted(),
        "mem_replication_backlog" = buffers.backlog,
        "mem_total_replication_buffers" = server.stream_memory(),
        "mem_clients_slaves" = buffers.replicas,
        "mem_clients_normal" = buffers.clients,
        "mem_cluster_links" = buffers.cluster_links,
        "mem_aof_buffer" = buffers.aof,
        "mem_allocator" = "jemalloc-5.3.0",
        "active_defrag_running" = 0,
        "lazyfree_pending_objects" = lazy::pending(),
        "lazyfreed_objects" = lazy::freed(),
    );
}

fn sentinel(server: &Server, out: &mut String) {
    let Some(core) = server.sentinel_core() else { return };
    let tilted = core.tilted_since();
    let simulated = flag(core.simulated.after_election) + 2 * flag(core.simulated.after_promotion);
    out.push_str("# Sentinel\r\n");
    fields!(
        out,
        "sentinel_masters" = core.primaries.len(),
        "sentinel_tilt" = flag(tilted.is_some()),
        "sentinel_tilt_since_seconds" = tilted.map_or(-1, |since| core.age(since) / 1000),
        "sentinel_running_scripts" = core.scripts.running(),
        "sentinel_scripts_queue_length" = core.scripts.queue.len(),
        "sentinel_simulate_failure_flags" = simulated,
    );
    for (number, primary) in core.primaries.iter().enumerate() {
        let (host, port) = (primary.base.address.shown(core.settings.announce_hostnames), primary.base.address.port);
        // Writing to a String cannot fail.
        let _ = write!(
            out,
            "master{number}:name={},status={},address={host}:{port},slaves={},sentinels={}\r\n",
            primary.name(),
            status(primary.base.s_down, primary.o_down),
            primary.replicas.len(),
            primary.voters(),
        );
    }
}

/// Bytes that are not data: tables, clients, backlog, buffers.
pub fn overhead(server: &Server) -> usize {
    let tables: usize = server.keyspace.dbs().iter().map(|db| db.table().overhead()).sum();
    let buffers = server.buffer_memory();
    server.stats.startup_memory()
        + buffers.backlog
        + buffers.replicas
        + buffers.clients
        + buffers.cluster_links
        + buffers.aof
        + tables
}

fn persistence(server: &Server, out: &mut String) {
    let state = &server.persistence;
    let (done, total) = server.keyspace.snapshot_progress();
    let seconds = |since: Option<Millis>| since.map_or(-1, |since| (server.time.now - since) / 1000);
    let (aof, rewrite) = (&state.aof, state.aof.rewrite());
    out.push_str("# Persistence\r\n");
    fields!(
        out,
        "loading" = flag(state.is_loading() && !state.loads_beside_old_data()),
        "async_loading" = flag(state.loads_beside_old_data()),
        "current_cow_peak" = 0,
        "current_cow_size" = 0,
        "current_cow_size_age" = 0,
        "current_fork_perc" = format!("{:.2}", if total > 0 { done as f64 * 100.0 / total as f64 } else { 0.0 }),
        "current_save_keys_processed" = done,
        "current_save_keys_total" = total,
        "rdb_changes_since_last_save" = state.changes(),
        "rdb_bgsave_in_progress" = flag(state.saving_since().is_some()),
        "rdb_last_save_time" = state.last_save(),
        "rdb_last_bgsave_status" = ok(!state.last_save_failed()),
        "rdb_last_bgsave_time_sec" = state.last_duration().unwrap_or(-1),
        "rdb_current_bgsave_time_sec" = seconds(state.saving_since()),
        "rdb_saves" = state.saves(),
        "rdb_last_cow_size" = 0,
        "rdb_last_load_keys_expired" = state.loaded_keys().expired,
        "rdb_last_load_keys_loaded" = state.loaded_keys().kept,
        "aof_enabled" = flag(aof.is_on()),
        "aof_rewrite_in_progress" = flag(rewrite.is_running()),
        "aof_rewrite_scheduled" = flag(rewrite.is_scheduled()),
        "aof_last_rewrite_time_sec" = rewrite.last_duration().unwrap_or(-1),
        "aof_current_rewrite_time_sec" = seconds(rewrite.running_since()),
        "aof_last_bgrewrite_status" = ok(!rewrite.last_failed()),
        "aof_rewrites" = rewrite.count(),
        "aof_rewrites_consecutive_failures" = rewrite.failures(),
        "aof_last_write_status" = ok(state.aof_write_error().is_none()),
        "aof_last_cow_size" = 0,
        "module_fork_in_progress" = 0,
        "module_fork_last_cow_size" = 0,
    );
    if aof.is_on() {
        fields!(
            out,
            "aof_current_size" = aof.current_size(),
            "aof_base_size" = aof.base_size(),
            "aof_pending_rewrite" = flag(rewrite.is_scheduled()),
            "aof_buffer_length" = aof.unwritten(),
            "aof_pending_bio_fsync" = aof.syncer().map_or(0, |syncer| syncer.pending()),
            "aof_delayed_fsync" = aof.delayed_syncs(),
        );
    }
    if let Some(loading) = state.loading() {
        let elapsed = (server.time.now - loading.since).max(0) / 1000;
        let percent = if loading.total > 0 { loading.loaded as f64 * 100.0 / loading.total as f64 } else { 0.0 };
        let eta = if percent > 0.0 { (elapsed as f64 * (100.0 - percent) / percent) as i64 } else { 1 };
        fields!(
            out,
            "loading_start_time" = loading.since / 1000,
            "loading_total_bytes" = loading.total,
            "loading_rdb_used_mem" = 0,
            "loading_loaded_bytes" = loading.loaded,
            "loading_loaded_perc" = format!("{percent:.2}"),
            "loading_eta_seconds" = eta,
        );
    }
}

fn stats(server: &Server, out: &mut String) {
    let stats = &server.stats;
    let keys = server.keyspace.stats();
    let kbps = |index: usize| format!("{:.2}", stats.rates().per_second(index) / 1024.0);
    out.push_str("# Stats\r\n");
    fields!(
        out,
        "total_connections_received" = stats.connections,
        "total_commands_processed" = stats.commands_processed,
        "instantaneous_ops_per_sec" = stats.rates().per_second(0) as u64,
        "total_net_input_bytes" = stats.net_input,
        "total_net_output_bytes" = stats.net_output,
        "total_net_repl_input_bytes" = stats.repl_input,
        "total_net_repl_output_bytes" = stats.repl_output,
        "instantaneous_input_kbps" = kbps(1),
        "instantaneous_output_kbps" = kbps(2),
        "instantaneous_input_repl_kbps" = kbps(3),
        "instantaneous_output_repl_kbps" = kbps(4),
        "rejected_connections" = stats.rejected_connections,
        "sync_full" = stats.sync_full,
        "sync_partial_ok" = stats.sync_partial_ok,
        "sync_partial_err" = stats.sync_partial_err,
        "expired_keys" = keys.expired,
        "expired_stale_perc" = format!("{:.2}", stats.expired_stale_percent),
        "expired_time_cap_reached_count" = stats.expire_time_cap,
        "expire_cycle_cpu_milliseconds" = stats.expire_micros / 1000,
        "evicted_keys" = keys.evicted,
        "evicted_clients" = stats.evicted_clients(),
        "total_eviction_exceeded_time" = 0,
        "current_eviction_exceeded_time" = 0,
        "keyspace_hits" = keys.hits,
        "keyspace_misses" = keys.misses,
        "pubsub_channels" = server.audience.pubsub.channel_count(),
        "pubsub_patterns" = server.audience.pubsub.pattern_count(),
        "pubsubshard_channels" = server.audience.pubsub.shard_channel_count(),
        "latest_fork_usec" = stats.last_snapshot_start_us,
        "total_forks" = stats.snapshots,
        "migrate_cached_sockets" = server.network.migration_targets.len(),
        "slave_expires_tracked_keys" = server.keyspace.own_expires(),
        "active_defrag_hits" = 0,
        "active_defrag_misses" = 0,
        "active_defrag_key_hits" = 0,
        "active_defrag_key_misses" = 0,
        "total_active_defrag_time" = 0,
        "current_active_defrag_time" = 0,
        "tracking_total_keys" = server.audience.tracking.key_count(),
        "tracking_total_items" = server.audience.tracking.item_count(),
        "tracking_total_prefixes" = server.audience.tracking.prefix_count(),
        "unexpected_error_replies" = stats.unexpected_errors,
        "total_error_replies" = stats.error_replies,
        "dump_payload_sanitizations" = 0,
        "total_reads_processed" = stats.reads,
        "total_writes_processed" = stats.writes,
        "io_threaded_reads_processed" = if server.config.io_threads > 1 { stats.reads } else { 0 },
        "io_threaded_writes_processed" = if server.config.io_threads > 1 { stats.writes } else { 0 },
        "reply_buffer_shrinks" = 0,
        "reply_buffer_expands" = 0,
    );
}

fn replication(server: &Server, out: &mut String) {
    let state = &server.replication;
    out.push_str("# Replication\r\n");
    fields!(out, "role" = if state.is_replica() { "slave" } else { "master" });
    let history = state.history();
    if let Some(follower) = state.follower() {
        let now = server.replication.now();
        let seconds_since = |time: i64| (now - time).max(0) / 1000;
        fields!(
            out,
            "master_host" = follower.host(),
            "master_port" = follower.port(),
            "master_link_status" = if follower.is_up() { "up" } else { "down" },
            "master_last_io_seconds_ago" = if follower.is_up() { seconds_since(follower.last_io()) } else { -1 },
            "master_sync_in_progress" = flag(follower.is_in_transfer()),
            "slave_read_repl_offset" = follower.read_offset().max(history.offset()),
            "slave_repl_offset" = history.offset(),
        );
        if let Some(transfer) = follower.transfer() {
            let (total, read) = (transfer.total.unwrap_or(0), transfer.read);
            let percent = if total > 0 { read as f64 * 100.0 / total as f64 } else { 0.0 };
            fields!(
                out,
                "master_sync_total_bytes" = total,
                "master_sync_read_bytes" = read,
                "master_sync_left_bytes" = total.cast_signed() - read.cast_signed(),
                "master_sync_perc" = format!("{percent:.2}"),
                "master_sync_last_io_seconds_ago" = seconds_since(transfer.last_io),
            );
        }
        if !follower.is_up() {
            fields!(out, "master_link_down_since_seconds" = follower.down_since().map_or(-1, seconds_since));
        }
        fields!(
            out,
            "slave_priority" = server.config.replica_priority,
            "slave_read_only" = flag(server.config.replica_read_only),
            "replica_announced" = flag(server.config.replica_announced),
        );
    }
    replicas(server, out);
    let backlog = history.backlog();
    fields!(
        out,
        "master_failover_state" = state.failover_state(),
        "master_replid" = history.replid(),
        "master_replid2" = history.replid2(),
        "master_repl_offset" = history.offset(),
        "second_repl_offset" = history.second_offset().unwrap_or(Offset(-1)),
        "repl_backlog_active" = flag(backlog.is_some()),
        "repl_backlog_size" = backlog.map_or(server.config.repl_backlog_size, |backlog| backlog.size() as u64),
        "repl_backlog_first_byte_offset" = backlog.map_or(Offset::ZERO, |backlog| backlog.first()),
        "repl_backlog_histlen" = backlog.map_or(0, |backlog| backlog.len()),
    );
}

fn replicas(server: &Server, out: &mut String) {
    fields!(out, "connected_slaves" = server.replication.replicas().count());
    if server.config.min_replicas_to_write > 0 && server.config.min_replicas_max_lag > 0 {
        fields!(out, "min_slaves_good_slaves" = server.good_replicas());
    }
    let now = server.replication.now();
    let listed = server.replication.replicas().filter_map(|peer| Some((peer, peer.stage_name()?)));
    for (number, (peer, state)) in listed.enumerate() {
        let lag = if state == "online" { peer.lag_seconds(now) } else { 0 };
        let _ = write!(
            out,
            "slave{number}:ip={},port={},state={state},offset={},lag={lag}\r\n",
            peer.ip(),
            peer.port(),
            peer.ack_offset()
        );
    }
}

fn cpu(_: &Server, out: &mut String) {
    let usage = process::cpu();
    out.push_str("# CPU\r\n");
    fields!(
        out,
        "used_cpu_sys" = format!("{:.6}", usage.system),
        "used_cpu_user" = format!("{:.6}", usage.user),
        "used_cpu_sys_children" = format!("{:.6}", usage.children_system),
        "used_cpu_user_children" = format!("{:.6}", usage.children_user),
        "used_cpu_sys_main_thread" = format!("{:.6}", usage.thread_system),
        "used_cpu_user_main_thread" = format!("{:.6}", usage.thread_user),
    );
}

fn modules(_: &Server, out: &mut String) {
    out.push_str("# Modules\r\n");
}

/// All commands and subcommands that ran or were refused.
fn used_commands(server: &Server) -> impl Iterator<Item = &'static Command> + '_ {
    server.registry.all().flat_map(|command| std::iter::once(command).chain(command.subcommands()))
}

fn commandstats(server: &Server, out: &mut String) {
    out.push_str("# Commandstats\r\n");
    for command in used_commands(server) {
        let stats = &server.stats.commands[command.index];
        if stats.calls == 0 && stats.rejected == 0 && stats.failed == 0 {
            continue;
        }
        let micros = stats.nanos / 1000;
        let each = if stats.calls == 0 { 0.0 } else { stats.nanos as f64 / 1000.0 / stats.calls as f64 };
        let _ = write!(
            out,
            "cmdstat_{}:calls={},usec={micros},usec_per_call={each:.2},rejected_calls={},failed_calls={}\r\n",
            command.name, stats.calls, stats.rejected, stats.failed
        );
    }
}

fn errorstats(server: &Server, out: &mut String) {
    out.push_str("# Errorstats\r\n");
    for (code, count) in &server.stats.errors {
        let _ = write!(out, "errorstat_{code}:count={count}\r\n");
    }
}

fn latencystats(server: &Server, out: &mut String) {
    out.push_str("# Latencystats\r\n");
    for command in used_commands(server) {
        let Some(latencies) = &server.stats.commands[command.index].latencies else { continue };
        let _ = write!(out, "latency_percentiles_usec_{}:", command.name);
        for (index, &percentile) in server.config.latency_tracking_info_percentiles.0.iter().enumerate() {
            let comma = if index > 0 { "," } else { "" };
            let name = crate::config::special::short_double(percentile);
            let value = latencies.value_at_percentile(percentile) as f64 / 1000.0;
            let _ = write!(out, "{comma}p{name}={value:.3}");
        }
        out.push_str("\r\n");
    }
}

fn cluster(server: &Server, out: &mut String) {
    out.push_str("# Cluster\r\n");
    fields!(out, "cluster_enabled" = flag(server.config.cluster_enabled));
}

fn keyspace(server: &Server, out: &mut String) {
    out.push_str("# Keyspace\r\n");
    for (number, db) in server.keyspace.dbs().iter().enumerate().filter(|(_, db)| !db.is_empty()) {
        let _ = write!(out, "db{number}:keys={},expires={},avg_ttl={}\r\n", db.len(), db.expires(), db.average_ttl());
    }
}
