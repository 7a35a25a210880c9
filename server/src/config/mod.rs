//! The server's settings. (The table of options takes this file's place.)

use crate::store::eviction::Policy;

/// `maxmemory-policy`.
#[derive(Debug, Clone, Copy, Default)]
pub struct MaxmemoryPolicy(pub Policy);
impl MaxmemoryPolicy {
    /// LFU?
    pub fn is_lfu(self) -> bool {
        false
    }
    /// The policy.
    pub fn policy(self) -> Policy {
        self.0
    }
}

macro_rules! config { ($($name:ident : $t:ty = $v:expr),* $(,)?) => {
    /// Settings that the server reads directly.
    #[derive(Debug, Clone)]
    pub struct Config { $(#[doc = "An option."] pub $name: $t),* }
    impl Default for Config { fn default() -> Self { Self { $($name: $v),* } } }
} }
config! {
    port: u16 = 6379, databases: i64 = 16, requirepass: String = String::new(), maxmemory: u64 = 0, maxmemory_clients: i64 = 0,
    unixsocket: String = String::new(), appendonly: bool = false, notify_keyspace_events: u32 = 0, lazyfree_lazy_expire: bool = false,
    lazyfree_lazy_eviction: bool = false, lazyfree_lazy_server_del: bool = false, maxmemory_policy: MaxmemoryPolicy = MaxmemoryPolicy::default(),
    lfu_log_factor: i64 = 10, lfu_decay_time: i64 = 1, slowlog_max_len: i64 = 128, repl_backlog_size: i64 = 1 << 20, min_replicas_to_write: i64 = 0,
    min_replicas_max_lag: i64 = 10, replica_read_only: bool = true, replica_serve_stale_data: bool = true, replica_ignore_maxmemory: bool = true,
    stop_writes_on_bgsave_error: bool = true, save: Vec<(i64, i64)> = Vec::new(), maxmemory_samples: i64 = 5, latency_tracking: bool = true,
    slowlog_log_slower_than: i64 = 10000, latency_monitor_threshold: i64 = 0, proto_max_bulk_len: i64 = 512 << 20, cluster_enabled: bool = false,
}
