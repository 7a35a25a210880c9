//! redis-rs's asynchronous cluster client under load, while a primary dies and while slots move: no acknowledged write is
//! lost. (redis-py's and ioredis's: `ci/cluster-client`.)

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

#[expect(dead_code, reason = "other tests need more of it")]
#[path = "support/nodes.rs"]
mod nodes;
#[expect(dead_code, reason = "other tests need more of it")]
mod support;

use nodes::*;
use redis::cluster_async::ClusterConnection;
use support::*;

/// Writes until it is acknowledged.
async fn write(cluster: &mut ClusterConnection, number: usize) {
    let began = Instant::now();
    loop {
        let written: redis::RedisResult<()> =
            redis::cmd("SET").arg(format!("key:{number}")).arg(number).query_async(cluster).await;
        match written {
            Ok(()) => return,
            Err(error) => assert!(began.elapsed() < DEADLINE, "key:{number}: {error}"),
        }
        // A primary that has just died is asked again soon enough.
        tokio::task::yield_now().await;
    }
}

async fn all_there(cluster: &mut ClusterConnection, count: usize) {
    for number in 0..count {
        let read: redis::RedisResult<Option<usize>> =
            redis::cmd("GET").arg(format!("key:{number}")).query_async(cluster).await;
        assert_eq!(read.unwrap(), Some(number));
    }
}

/// Keeps writing while `work` is done; returns the number of all writes.
async fn meanwhile(cluster: &mut ClusterConnection, from: usize, work: impl FnOnce() + Send + 'static) -> usize {
    let over = Arc::new(AtomicBool::new(false));
    let written = Arc::new(AtomicUsize::new(from));
    let done = Arc::clone(&over);
    let worker = std::thread::spawn(move || {
        work();
        done.store(true, Ordering::Relaxed);
    });
    while !over.load(Ordering::Relaxed) && !worker.is_finished() {
        let number = written.fetch_add(1, Ordering::Relaxed);
        write(cluster, number).await;
    }
    worker.join().unwrap();
    written.load(Ordering::Relaxed)
}

#[test]
fn redis_rs_survives_a_failover_and_a_reshard_under_load() {
    let nodes = Arc::new(Nodes::start(3, 3));
    let urls: Vec<String> = nodes.servers.iter().map(|node| format!("redis://127.0.0.1:{}", node.port)).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let client = redis::cluster::ClusterClient::builder(urls)
            .connection_timeout(Duration::from_secs(1))
            .response_timeout(Duration::from_secs(1))
            .build()
            .unwrap();
        let mut cluster = client.get_async_connection().await.unwrap();
        for number in 0..1000 {
            write(&mut cluster, number).await;
        }
        all_there(&mut cluster, 1000).await;
        until("the replica has all of it", || {
            nodes[0].info("master_repl_offset") == nodes[3].info("slave_repl_offset")
        });
        let them = Arc::clone(&nodes);
        let count = meanwhile(&mut cluster, 1000, move || {
            them.signal(0, "-KILL");
            until("its replica takes over", || them[3].info("role") == "master");
            until("the cluster serves", || them[1].ask("CLUSTER INFO").contains("cluster_state:ok"));
        })
        .await;
        // What the dead primary acknowledged last may have gone with it: nothing was written between the check and its
        // death that its replica had not got.
        for number in 1000..count {
            write(&mut cluster, number).await;
        }
        all_there(&mut cluster, count).await;

        let them = Arc::clone(&nodes);
        let count = meanwhile(&mut cluster, count, move || {
            for (from, to) in [(1, 2), (2, 1)] {
                until("the node sees its slots", || them.migrate(from, to, "5461 8000") == "+OK");
                assert_eq!(them.ended(from), ("done".to_owned(), String::new()));
            }
        })
        .await;
        all_there(&mut cluster, count).await;

        if !installed("redis-cli") {
            return;
        }
        let them = Arc::clone(&nodes);
        let count = meanwhile(&mut cluster, count, move || {
            let address = format!("127.0.0.1:{}", them[1].port);
            until("redis-cli moves slots", || {
                let ids = [them.id(1), them.id(2)];
                let words = ["--cluster", "reshard", &address, "--cluster-from", &ids[0], "--cluster-to", &ids[1]];
                let mut command = Command::new("redis-cli");
                command.args(words).args(["--cluster-slots", "200", "--cluster-yes"]).stdout(Stdio::null());
                command.status().unwrap().success()
            });
        })
        .await;
        all_there(&mut cluster, count).await;
    });
}
