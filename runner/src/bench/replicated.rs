//! A master with one replica: what an acknowledgement takes.

use super::engine::{Instance, Start};
use super::host::{Machine, cpu_time};
use super::report::Figures;
use super::snapshots::NO_DELAY;
use crate::client::{Address, Client, Reply, encode};
use crate::engine::Engine;
use crate::failure::{Doing, Failure, Outcome};
use hdrhistogram::Histogram;
use std::time::{Duration, Instant};

/// Round trips of one round.
const ROUND: u64 = 10_000;

/// A replica of the same engine on the load's CPU, in sync.
pub(super) async fn attach(engine: &Engine, machine: Machine, master: &Instance) -> Outcome<Instance> {
    let start = Start { directives: NO_DELAY, on_load_cpu: true, ..Start::default() };
    let replica = Instance::start(engine, machine, start).await?;
    replica.call(&["REPLICAOF", "127.0.0.1", &master.port.to_string()]).await?;
    replica.until("master_link_status", "up").await?;
    Ok(replica)
}

/// SET and WAIT 1 in one write, both replies awaited, on one connection.
pub(super) async fn wait(engine: &Engine, machine: Machine, rounds: Option<u64>) -> Outcome<Figures> {
    let start = Start { directives: NO_DELAY, ..Start::default() };
    let master = Instance::start(engine, machine, start).await?;
    let replica = attach(engine, machine, &master).await?;
    let mut client =
        Client::connect(&Address::local(master.port), Duration::from_secs(10)).await.doing(|| "connect".into())?;
    let count = rounds.unwrap_or(ROUND);
    let mut latency = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3).doing(|| "make a histogram".into())?;
    let mut before = Duration::ZERO;
    for number in 0..count + count / 10 {
        if number == count / 10 {
            // What went before was to warm up.
            latency.reset();
            before = cpu_time(master.pid())?;
        }
        let key = format!("key:{}", number % 1000);
        let mut request = encode(&["SET", &key, "vvvvvvvvvvvvvvvvvvvvvvvvvvvvvvvv"]);
        request.extend(encode(&["WAIT", "1", "5000"]));
        let began = Instant::now();
        client.send(&request).await.doing(|| "send".into())?;
        client.read_reply().await.doing(|| "read the reply of SET".into())?;
        let acknowledged = client.read_reply().await.doing(|| "read the reply of WAIT".into())?;
        if acknowledged != Reply::Integer(1) {
            return Err(Failure::failed(format!("WAIT 1 5000 is answered with {acknowledged:?}")));
        }
        let nanoseconds = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        latency.saturating_record(nanoseconds);
    }
    let cpu = cpu_time(master.pid())?.saturating_sub(before);
    drop(replica);
    let microseconds = |quantile| latency.value_at_quantile(quantile) as f64 / 1000.0;
    Ok(Figures(vec![
        ("p50_us", microseconds(0.5)),
        ("p99_us", microseconds(0.99)),
        ("cpu_us", cpu.as_secs_f64() * 1e6 / count as f64),
    ]))
}
