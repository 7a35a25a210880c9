//! Every option, one line each: field, type, default, name with aliases, rule, flags, and [`Support`] if the option has no
//! effect here or is refused.

use super::{
    special::{
        self, BindAddresses, BufferLimits, NotifyFlags, OomScores, Percentiles, ReplicaOf, SavePoints, ShutdownFlags,
    },
    values::{
        Access, AppendFsync, Check, DisklessLoad, EndpointType, LogLevel, MaxmemoryPolicy, OomScoreAdj, Origin,
        PropagationError, PubsubDefault, Rule, Sanitize, Supervised, SyslogFacility, Text, TlsAuthClients, Unit, Value,
    },
};

/// No flags are set.
pub const NONE: u16 = 0;
/// Can be set only by files and the command line.
pub const IMMUTABLE: u16 = 1 << 0;
/// CONFIG SET needs `enable-protected-configs`.
pub const PROTECTED: u16 = 1 << 1;
/// Hidden from patterns: only its exact name finds it.
pub const HIDDEN: u16 = 1 << 2;
/// The value is a secret, and hidden from SLOWLOG and MONITOR.
pub const REDACTED: u16 = 1 << 3;
/// Applied even if the value does not change, because the file that it names may have changed.
pub const VOLATILE: u16 = 1 << 4;
/// The value consists of several words.
pub const MULTI_ARG: u16 = 1 << 5;
/// Cannot be set while a dataset is being loaded.
pub const DENY_LOADING: u16 = 1 << 6;

const I32_MIN: i128 = i32::MIN as i128;
const I32: i128 = i32::MAX as i128;
const I64: i128 = i64::MAX as i128;
const U32: i128 = u32::MAX as i128;
const U64: i128 = u64::MAX as i128;

const ANY: Rule = Rule { min: 0, max: 0, unit: Unit::Plain, check: None, keep_empty: false };

/// The rule of a text whose line is kept by REWRITE even if the text is empty.
const KEPT: Rule = Rule { keep_empty: true, ..ANY };

const fn int(min: i128, max: i128) -> Rule {
    Rule { min, max, unit: Unit::Plain, check: None, keep_empty: false }
}

const fn memory(min: i128, max: i128) -> Rule {
    Rule { min, max, unit: Unit::Memory, check: None, keep_empty: false }
}

const fn percent(min: i128, max: i128) -> Rule {
    Rule { min, max, unit: Unit::MemoryOrPercent, check: None, keep_empty: false }
}

const fn octal(min: i128, max: i128) -> Rule {
    Rule { min, max, unit: Unit::Octal, check: None, keep_empty: false }
}

const fn checked(check: Check) -> Rule {
    Rule { min: 0, max: 0, unit: Unit::Plain, check: Some(check), keep_empty: false }
}

/// Lines of a configuration file, each with whether REWRITE has to add it if the file does not mention the option.
type Lines = Vec<(Vec<u8>, bool)>;

type Parse = fn(&mut Config, &[&[u8]], Origin) -> Result<(), String>;

/// Whether an option works in this server. The option's line in the table mentions it if that differs from Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Support {
    /// It works as in Redis.
    Works,
    /// It is stored, shown and rewritten, but has no effect; the reason.
    Inert(&'static str),
    /// Any value but the default is refused, because the operator would rely on something that does not exist; the reason.
    Refused(&'static str),
}

use Support::{Inert, Refused};

const NO_DEFRAG: &str = "active defragmentation cannot be enabled";
const NO_CHILD: &str = "snapshots and background work run in this process's own threads";

/// What is known about an option.
pub struct OptionSpec {
    /// The name under which REWRITE writes it.
    pub name: &'static str,
    /// Alternative names, mostly older ones.
    pub aliases: &'static [&'static str],
    /// Whether the option works in this server.
    pub support: Support,
    flags: u16,
    print: fn(&Config) -> Vec<u8>,
    parse: Parse,
    equal: fn(&Config, &Config) -> bool,
    lines: fn(&Config, &Config) -> Lines,
}

impl std::fmt::Debug for OptionSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl OptionSpec {
    /// Whether a flag such as [`IMMUTABLE`] is set.
    pub fn has(&self, flag: u16) -> bool {
        self.flags & flag != 0
    }

    /// The value as CONFIG GET shows it.
    pub fn print(&self, config: &Config) -> Vec<u8> {
        (self.print)(config)
    }

    /// Whether two configurations agree in this option.
    pub fn equal(&self, a: &Config, b: &Config) -> bool {
        (self.equal)(a, b)
    }

    /// Parses words into the option's field.
    ///
    /// # Errors
    /// Why the value is refused, in Redis's words.
    pub(super) fn parse(&self, config: &mut Config, words: &[&[u8]], origin: Origin) -> Result<(), String> {
        let split: Vec<&[u8]>;
        let words = match words {
            [one] if one.is_empty() && self.has(MULTI_ARG) && origin == Origin::Command => &[] as &[&[u8]],
            // One quoted word may hold several.
            [one] if self.has(MULTI_ARG) && !one.is_empty() => {
                split = one.split(|byte| *byte == b' ').collect();
                &split
            }
            _ => words,
        };
        (self.parse)(config, words, origin)?;
        match self.support {
            Refused(reason) if !self.equal(config, &Config::default()) => Err(reason.to_owned()),
            _ => Ok(()),
        }
    }

    /// The option's lines in a configuration file, each with whether REWRITE has to add it if the file does not mention the
    /// option.
    pub(super) fn lines(&self, config: &Config, defaults: &Config) -> Lines {
        (self.lines)(config, defaults)
    }
}

macro_rules! options {
    ($($field:ident: $type:ty = $default:expr, $name:literal $(| $alias:literal)*, $rule:expr, $flags:expr $(, $support:expr)?;)*) => {
        /// The configuration: a field for each option, named as the option with `_` for `-`.
        #[derive(Debug, Clone, PartialEq)]
        pub struct Config {
            $(
                #[doc = concat!("`", $name, "`")]
                pub $field: $type,
            )*
        }

        impl Default for Config {
            fn default() -> Self {
                Self { $($field: $default,)* }
            }
        }

        /// All options, by name.
        pub static OPTIONS: &[OptionSpec] = &[$(
            OptionSpec {
                name: $name,
                aliases: &[$($alias),*],
                support: {
                    const LAST: &[Support] = &[Support::Works $(, $support)?];
                    LAST[LAST.len() - 1]
                },
                flags: $flags,
                print: |config| config.$field.print(&$rule),
                parse: |config, words, origin| {
                    config.$field = <$type as Value>::parse(words, &$rule, &config.$field, origin)?;
                    Ok(())
                },
                equal: |a, b| a.$field == b.$field,
                lines: |config, defaults| config.$field.lines($name, &$rule, &defaults.$field),
            },
        )*];
    };
}

/// Looks up an option by name or alias, ignoring case. Returns the spec, and the name as the table spells it.
pub fn lookup(name: &[u8]) -> Option<(&'static OptionSpec, &'static str)> {
    OPTIONS.iter().find_map(|spec| {
        let names = std::iter::once(&spec.name).chain(spec.aliases);
        names.copied().find(|known| name.eq_ignore_ascii_case(known.as_bytes())).map(|known| (spec, known))
    })
}

use special::{active_defrag, announced_address, appenddirname, appendfilename, dbfilename, hostname, title_template};

#[rustfmt::skip]
options! {
    acl_pubsub_default: PubsubDefault = PubsubDefault::ResetChannels, "acl-pubsub-default", ANY, NONE;
    aclfile: Text = Text::default(), "aclfile", KEPT, IMMUTABLE;
    acllog_max_len: u64 = 128, "acllog-max-len", int(0, I64), NONE;
    active_defrag_cycle_max: u32 = 25, "active-defrag-cycle-max", int(1, 99), NONE, Inert(NO_DEFRAG);
    active_defrag_cycle_min: u32 = 1, "active-defrag-cycle-min", int(1, 99), NONE, Inert(NO_DEFRAG);
    active_defrag_ignore_bytes: u64 = 104_857_600, "active-defrag-ignore-bytes", memory(1, I64), NONE, Inert(NO_DEFRAG);
    active_defrag_max_scan_fields: u64 = 1000, "active-defrag-max-scan-fields", int(1, I64), NONE, Inert(NO_DEFRAG);
    active_defrag_threshold_lower: u32 = 10, "active-defrag-threshold-lower", int(0, 1000), NONE, Inert(NO_DEFRAG);
    active_defrag_threshold_upper: u32 = 100, "active-defrag-threshold-upper", int(0, 1000), NONE, Inert(NO_DEFRAG);
    active_expire_effort: u32 = 1, "active-expire-effort", int(1, 10), NONE;
    activedefrag: bool = false, "activedefrag", checked(active_defrag), NONE, Refused(NO_DEFRAG);
    activerehashing: bool = true, "activerehashing", ANY, NONE, Inert("the table grows segment by segment: nothing is left to rehash");
    always_show_logo: bool = false, "always-show-logo", ANY, IMMUTABLE;
    aof_disable_auto_gc: bool = false, "aof-disable-auto-gc", ANY, NONE;
    aof_load_truncated: bool = true, "aof-load-truncated", ANY, NONE;
    aof_rewrite_incremental_fsync: bool = true, "aof-rewrite-incremental-fsync", ANY, NONE;
    aof_timestamp_enabled: bool = false, "aof-timestamp-enabled", ANY, NONE;
    aof_use_rdb_preamble: bool = true, "aof-use-rdb-preamble", ANY, NONE;
    aof_rewrite_cpulist: Text = Text::default(), "aof_rewrite_cpulist", ANY, IMMUTABLE, Inert(NO_CHILD);
    appenddirname: Text = "appendonlydir".into(), "appenddirname", checked(appenddirname), IMMUTABLE;
    appendfilename: Text = "appendonly.aof".into(), "appendfilename", checked(appendfilename), IMMUTABLE;
    appendfsync: AppendFsync = AppendFsync::Everysec, "appendfsync", ANY, NONE;
    appendonly: bool = false, "appendonly", ANY, DENY_LOADING;
    auto_aof_rewrite_min_size: u64 = 67_108_864, "auto-aof-rewrite-min-size", memory(0, I64), NONE;
    auto_aof_rewrite_percentage: u32 = 100, "auto-aof-rewrite-percentage", int(0, I32), NONE;
    bgsave_cpulist: Text = Text::default(), "bgsave_cpulist", ANY, IMMUTABLE, Inert(NO_CHILD);
    bind: BindAddresses = BindAddresses::default(), "bind", ANY, MULTI_ARG;
    bind_source_addr: Text = Text::default(), "bind-source-addr", ANY, NONE;
    bio_cpulist: Text = Text::default(), "bio_cpulist", ANY, IMMUTABLE, Inert(NO_CHILD);
    busy_reply_threshold: u64 = 5000, "busy-reply-threshold" | "lua-time-limit", int(0, I64), NONE;
    client_output_buffer_limit: BufferLimits = BufferLimits::default(), "client-output-buffer-limit", ANY, MULTI_ARG;
    client_query_buffer_limit: u64 = 1_073_741_824, "client-query-buffer-limit", memory(1 << 20, I64), NONE;
    cluster_allow_pubsubshard_when_down: bool = true, "cluster-allow-pubsubshard-when-down", ANY, NONE;
    cluster_allow_reads_when_down: bool = false, "cluster-allow-reads-when-down", ANY, NONE;
    cluster_allow_replica_migration: bool = true, "cluster-allow-replica-migration", ANY, NONE;
    cluster_announce_bus_port: u16 = 0, "cluster-announce-bus-port", int(0, 65535), NONE;
    cluster_announce_hostname: Text = Text::default(), "cluster-announce-hostname", checked(hostname), NONE;
    cluster_announce_ip: Text = Text::default(), "cluster-announce-ip", checked(announced_address), NONE;
    cluster_announce_port: u16 = 0, "cluster-announce-port", int(0, 65535), NONE;
    cluster_announce_tls_port: u16 = 0, "cluster-announce-tls-port", int(0, 65535), NONE;
    cluster_config_file: Text = "nodes.conf".into(), "cluster-config-file", ANY, IMMUTABLE;
    cluster_enabled: bool = false, "cluster-enabled", ANY, IMMUTABLE;
    cluster_link_sendbuf_limit: u64 = 0, "cluster-link-sendbuf-limit", memory(0, U64), NONE;
    cluster_migration_barrier: u32 = 1, "cluster-migration-barrier", int(0, I32), NONE;
    cluster_node_timeout: u64 = 15_000, "cluster-node-timeout", int(0, I64), NONE;
    cluster_port: u16 = 0, "cluster-port", int(0, 65535), IMMUTABLE;
    cluster_preferred_endpoint_type: EndpointType = EndpointType::Ip, "cluster-preferred-endpoint-type", ANY, NONE;
    cluster_replica_no_failover: bool = false, "cluster-replica-no-failover" | "cluster-slave-no-failover", ANY, NONE;
    cluster_replica_validity_factor: u32 = 10, "cluster-replica-validity-factor" | "cluster-slave-validity-factor", int(0, I32), NONE;
    cluster_require_full_coverage: bool = true, "cluster-require-full-coverage", ANY, NONE;
    crash_log_enabled: bool = true, "crash-log-enabled", ANY, NONE;
    crash_memcheck_enabled: bool = true, "crash-memcheck-enabled", ANY, NONE, Inert("a crash report tests no memory");
    daemonize: bool = false, "daemonize", ANY, IMMUTABLE;
    databases: u32 = 16, "databases", int(1, I32), IMMUTABLE;
    dbfilename: Text = "dump.rdb".into(), "dbfilename", checked(dbfilename), PROTECTED;
    dir: Text = Text::default(), "dir", ANY, PROTECTED | DENY_LOADING;
    disable_thp: bool = true, "disable-thp", ANY, IMMUTABLE;
    dynamic_hz: bool = true, "dynamic-hz", ANY, NONE, Inert("no timer's work grows with the number of clients");
    enable_debug_command: Access = Access::No, "enable-debug-command", ANY, IMMUTABLE;
    enable_module_command: Access = Access::No, "enable-module-command", ANY, IMMUTABLE;
    enable_protected_configs: Access = Access::No, "enable-protected-configs", ANY, IMMUTABLE;
    hash_max_listpack_entries: u64 = 512, "hash-max-listpack-entries" | "hash-max-ziplist-entries", int(0, I64), NONE;
    hash_max_listpack_value: u64 = 64, "hash-max-listpack-value" | "hash-max-ziplist-value", memory(0, I64), NONE;
    hll_sparse_max_bytes: u64 = 3000, "hll-sparse-max-bytes", memory(0, I64), NONE;
    hz: u32 = 10, "hz", int(0, I32), NONE;
    ignore_warnings: Text = Text::default(), "ignore-warnings", KEPT, NONE, Inert("the start-up check that it silences is not made");
    io_threads: u32 = 1, "io-threads", int(1, 128), IMMUTABLE;
    io_threads_do_reads: bool = false, "io-threads-do-reads", ANY, IMMUTABLE, Inert("with `io-threads` reads are always spread over the threads");
    jemalloc_bg_thread: bool = true, "jemalloc-bg-thread", ANY, NONE, Inert("the allocator gives memory back from the threads that free it");
    key_load_delay: i32 = 0, "key-load-delay", int(I32_MIN, I32), HIDDEN;
    latency_monitor_threshold: u64 = 0, "latency-monitor-threshold", int(0, I64), NONE;
    latency_tracking: bool = true, "latency-tracking", ANY, NONE;
    latency_tracking_info_percentiles: Percentiles = Percentiles::default(), "latency-tracking-info-percentiles", ANY, MULTI_ARG;
    lazyfree_lazy_eviction: bool = false, "lazyfree-lazy-eviction", ANY, NONE;
    lazyfree_lazy_expire: bool = false, "lazyfree-lazy-expire", ANY, NONE;
    lazyfree_lazy_server_del: bool = false, "lazyfree-lazy-server-del", ANY, NONE;
    lazyfree_lazy_user_del: bool = false, "lazyfree-lazy-user-del", ANY, NONE;
    lazyfree_lazy_user_flush: bool = false, "lazyfree-lazy-user-flush", ANY, NONE;
    lfu_decay_time: u32 = 1, "lfu-decay-time", int(0, I32), NONE;
    lfu_log_factor: u32 = 10, "lfu-log-factor", int(0, I32), NONE;
    list_compress_depth: u32 = 0, "list-compress-depth", int(0, I32), NONE;
    list_max_listpack_size: i32 = -2, "list-max-listpack-size" | "list-max-ziplist-size", int(I32_MIN, I32), NONE;
    loading_process_events_interval_bytes: u32 = 2_097_152, "loading-process-events-interval-bytes", int(1024, I32), HIDDEN;
    logfile: Text = Text::default(), "logfile", KEPT, IMMUTABLE;
    loglevel: LogLevel = LogLevel::Notice, "loglevel", ANY, NONE;
    masterauth: Text = Text::default(), "masterauth", ANY, REDACTED;
    masteruser: Text = Text::default(), "masteruser", ANY, REDACTED;
    maxclients: u32 = 10_000, "maxclients", int(1, U32), NONE;
    maxmemory: u64 = 0, "maxmemory", memory(0, U64), NONE;
    maxmemory_clients: i64 = 0, "maxmemory-clients", percent(-100, I64), NONE;
    maxmemory_eviction_tenacity: u32 = 10, "maxmemory-eviction-tenacity", int(0, 100), NONE;
    maxmemory_policy: MaxmemoryPolicy = MaxmemoryPolicy::NoEviction, "maxmemory-policy", ANY, NONE;
    maxmemory_samples: u32 = 5, "maxmemory-samples", int(1, I32), NONE;
    min_replicas_max_lag: u32 = 10, "min-replicas-max-lag" | "min-slaves-max-lag", int(0, I32), NONE;
    min_replicas_to_write: u32 = 0, "min-replicas-to-write" | "min-slaves-to-write", int(0, I32), NONE;
    no_appendfsync_on_rewrite: bool = false, "no-appendfsync-on-rewrite", ANY, NONE;
    notify_keyspace_events: NotifyFlags = NotifyFlags::default(), "notify-keyspace-events", ANY, NONE;
    oom_score_adj: OomScoreAdj = OomScoreAdj::No, "oom-score-adj", ANY, NONE;
    oom_score_adj_values: OomScores = OomScores([0, 200, 800]), "oom-score-adj-values", ANY, MULTI_ARG;
    pidfile: Text = Text::default(), "pidfile", ANY, IMMUTABLE;
    port: u16 = 6379, "port", int(0, 65535), NONE;
    proc_title_template: Text = "{title} {listen-addr} {server-mode}".into(), "proc-title-template", checked(title_template), NONE;
    propagation_error_behavior: PropagationError = PropagationError::Ignore, "propagation-error-behavior", ANY, NONE;
    protected_mode: bool = true, "protected-mode", ANY, NONE;
    proto_max_bulk_len: u64 = 536_870_912, "proto-max-bulk-len", memory(1 << 20, I64), NONE;
    rdb_del_sync_files: bool = false, "rdb-del-sync-files", ANY, NONE;
    rdb_key_save_delay: i32 = 0, "rdb-key-save-delay", int(I32_MIN, I32), HIDDEN;
    rdb_save_incremental_fsync: bool = true, "rdb-save-incremental-fsync", ANY, NONE;
    rdbchecksum: bool = true, "rdbchecksum", ANY, IMMUTABLE;
    rdbcompression: bool = true, "rdbcompression", ANY, NONE;
    repl_backlog_size: u64 = 1_048_576, "repl-backlog-size", memory(1, I64), NONE;
    repl_backlog_ttl: u64 = 3600, "repl-backlog-ttl", int(0, I64), NONE;
    repl_disable_tcp_nodelay: bool = false, "repl-disable-tcp-nodelay", ANY, NONE;
    repl_diskless_load: DisklessLoad = DisklessLoad::Disabled, "repl-diskless-load", ANY, DENY_LOADING;
    repl_diskless_sync: bool = true, "repl-diskless-sync", ANY, NONE;
    repl_diskless_sync_delay: u32 = 5, "repl-diskless-sync-delay", int(0, I32), NONE;
    repl_diskless_sync_max_replicas: u32 = 0, "repl-diskless-sync-max-replicas", int(0, I32), NONE;
    repl_ping_replica_period: u32 = 10, "repl-ping-replica-period" | "repl-ping-slave-period", int(1, I32), NONE;
    repl_timeout: u32 = 60, "repl-timeout", int(1, I32), NONE;
    replica_announce_ip: Text = Text::default(), "replica-announce-ip" | "slave-announce-ip", checked(announced_address), NONE;
    replica_announce_port: u16 = 0, "replica-announce-port" | "slave-announce-port", int(0, 65535), NONE;
    replica_announced: bool = true, "replica-announced", ANY, NONE;
    replica_ignore_disk_write_errors: bool = false, "replica-ignore-disk-write-errors", ANY, NONE;
    replica_ignore_maxmemory: bool = true, "replica-ignore-maxmemory" | "slave-ignore-maxmemory", ANY, NONE;
    replica_lazy_flush: bool = false, "replica-lazy-flush" | "slave-lazy-flush", ANY, NONE;
    replica_priority: u32 = 100, "replica-priority" | "slave-priority", int(0, I32), NONE;
    replica_read_only: bool = true, "replica-read-only" | "slave-read-only", ANY, NONE;
    replica_serve_stale_data: bool = true, "replica-serve-stale-data" | "slave-serve-stale-data", ANY, NONE;
    replicaof: ReplicaOf = ReplicaOf::default(), "replicaof" | "slaveof", ANY, IMMUTABLE | MULTI_ARG;
    requirepass: Text = Text::default(), "requirepass", ANY, REDACTED;
    sanitize_dump_payload: Sanitize = Sanitize::No, "sanitize-dump-payload", ANY, NONE;
    save: SavePoints = SavePoints::usual(), "save", ANY, MULTI_ARG;
    server_cpulist: Text = Text::default(), "server_cpulist", ANY, IMMUTABLE;
    set_max_intset_entries: u64 = 512, "set-max-intset-entries", int(0, I64), NONE;
    set_proc_title: bool = true, "set-proc-title", ANY, IMMUTABLE;
    shutdown_on_sigint: ShutdownFlags = ShutdownFlags::default(), "shutdown-on-sigint", ANY, MULTI_ARG;
    shutdown_on_sigterm: ShutdownFlags = ShutdownFlags::default(), "shutdown-on-sigterm", ANY, MULTI_ARG;
    shutdown_timeout: u32 = 10, "shutdown-timeout", int(0, I32), NONE;
    slowlog_log_slower_than: i64 = 10_000, "slowlog-log-slower-than", int(-1, I64), NONE;
    slowlog_max_len: u64 = 128, "slowlog-max-len", int(0, I64), NONE;
    socket_mark_id: u32 = 0, "socket-mark-id", int(0, U32), IMMUTABLE, Refused("marking packets is not supported");
    stop_writes_on_bgsave_error: bool = true, "stop-writes-on-bgsave-error", ANY, NONE;
    stream_node_max_bytes: u64 = 4096, "stream-node-max-bytes", memory(0, I64), NONE;
    stream_node_max_entries: u64 = 100, "stream-node-max-entries", int(0, I64), NONE;
    supervised: Supervised = Supervised::No, "supervised", ANY, IMMUTABLE;
    syslog_enabled: bool = false, "syslog-enabled", ANY, IMMUTABLE;
    syslog_facility: SyslogFacility = SyslogFacility::Local0, "syslog-facility", ANY, IMMUTABLE;
    syslog_ident: Text = "redis".into(), "syslog-ident", ANY, IMMUTABLE;
    tcp_backlog: u32 = 511, "tcp-backlog", int(0, I32), IMMUTABLE;
    tcp_keepalive: u32 = 300, "tcp-keepalive", int(0, I32), NONE;
    timeout: u32 = 0, "timeout", int(0, I32), NONE;
    tls_auth_clients: TlsAuthClients = TlsAuthClients::Yes, "tls-auth-clients", ANY, NONE;
    tls_ca_cert_dir: Text = Text::default(), "tls-ca-cert-dir", ANY, VOLATILE;
    tls_ca_cert_file: Text = Text::default(), "tls-ca-cert-file", ANY, VOLATILE;
    tls_cert_file: Text = Text::default(), "tls-cert-file", ANY, VOLATILE;
    tls_ciphers: Text = Text::default(), "tls-ciphers", ANY, NONE;
    tls_ciphersuites: Text = Text::default(), "tls-ciphersuites", ANY, NONE;
    tls_client_cert_file: Text = Text::default(), "tls-client-cert-file", ANY, VOLATILE;
    tls_client_key_file: Text = Text::default(), "tls-client-key-file", ANY, VOLATILE;
    tls_client_key_file_pass: Text = Text::default(), "tls-client-key-file-pass", ANY, REDACTED;
    tls_cluster: bool = false, "tls-cluster", ANY, NONE;
    tls_dh_params_file: Text = Text::default(), "tls-dh-params-file", ANY, VOLATILE, Refused("key exchanges use elliptic curves only");
    tls_key_file: Text = Text::default(), "tls-key-file", ANY, VOLATILE;
    tls_key_file_pass: Text = Text::default(), "tls-key-file-pass", ANY, REDACTED;
    tls_port: u16 = 0, "tls-port", int(0, 65535), NONE;
    tls_prefer_server_ciphers: bool = false, "tls-prefer-server-ciphers", ANY, NONE;
    tls_protocols: Text = Text::default(), "tls-protocols", ANY, NONE;
    tls_replication: bool = false, "tls-replication", ANY, NONE;
    tls_session_cache_size: u32 = 20_480, "tls-session-cache-size", int(0, I32), NONE;
    tls_session_cache_timeout: u32 = 300, "tls-session-cache-timeout", int(0, I32), NONE;
    tls_session_caching: bool = true, "tls-session-caching", ANY, NONE;
    tracking_table_max_keys: u64 = 1_000_000, "tracking-table-max-keys", int(0, I64), NONE;
    unixsocket: Text = Text::default(), "unixsocket", ANY, IMMUTABLE;
    unixsocketperm: u32 = 0, "unixsocketperm", octal(0, 0o777), IMMUTABLE;
    use_exit_on_panic: bool = false, "use-exit-on-panic", ANY, HIDDEN;
    watchdog_period: u32 = 0, "watchdog-period", int(0, I32), HIDDEN;
    zset_max_listpack_entries: u64 = 128, "zset-max-listpack-entries" | "zset-max-ziplist-entries", int(0, I64), NONE;
    zset_max_listpack_value: u64 = 64, "zset-max-listpack-value" | "zset-max-ziplist-value", memory(0, I64), NONE;
}
