//! Simulated primaries, replicas and chains of replicas: connections are slow, blocked and broken, processes stop, crash and
//! restart from old files, and operators change roles at random. All invariants are checked after every event.
//!
//! A failing seed is printed. `REPLICATION_SEED=N` replays one, `REPLICATION_SEEDS=N` runs that many, `REPLICATION_TRACE=1`
//! prints what happens.

#[path = "replication_simulation/faults.rs"]
mod faults;
#[path = "replication_simulation/invariants.rs"]
mod invariants;
#[path = "replication_simulation/links.rs"]
mod links;
#[path = "replication_simulation/node.rs"]
mod node;
#[path = "replication_simulation/sessions.rs"]
mod sessions;
#[path = "replication_simulation/wires.rs"]
mod wires;
#[path = "replication_simulation/world.rs"]
mod world;

mod seeds;

use world::{Plan, World};

#[test]
fn data_are_always_a_prefix_of_their_history_and_finally_equal_on_all_nodes() {
    seeds::play_all("REPLICATION", 300, "resyncs, full and partial,", |seed| {
        World::new(seed, Plan::of_seed(seed)).play()
    });
}
