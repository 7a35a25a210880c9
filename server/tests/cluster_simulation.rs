//! Simulated clusters with late messages, blocked connections, and machines that crash and pause. All invariants are checked
//! after every event.
//!
//! A failing seed is printed. `CLUSTER_SEED=N` replays one, `CLUSTER_SEEDS=N` runs that many, `CLUSTER_TRACE=1` prints what
//! happens.

#[path = "cluster_simulation/invariants.rs"]
mod invariants;
#[path = "cluster_simulation/node.rs"]
mod node;
#[path = "cluster_simulation/world.rs"]
mod world;

mod seeds;

use world::{Plan, World};

#[test]
fn each_slot_has_one_owner_per_epoch_and_finally_all_nodes_agree() {
    seeds::play_all("CLUSTER", 24, "elections won", |seed| World::new(seed, Plan::of_seed(seed)).play());
}

#[test]
fn a_majority_serves_again_within_half_a_second_beyond_the_time_out() {
    for seed in 0..10 {
        let timeout = Plan::calm().node_timeout;
        let taken =
            World::new(seed, Plan::calm()).time_to_fail_over().unwrap_or_else(|error| panic!("{seed}: {error}"));
        assert!(taken <= timeout + 500, "seed {seed}: {taken} ms");
    }
}

/// `CLUSTER_NODES=1000` makes it larger; `--nocapture` shows the figures.
#[test]
fn a_cluster_of_many_nodes_fails_over_as_quickly() {
    let nodes = seeds::number("CLUSTER_NODES").unwrap_or(60) as usize;
    let (agreed, rate, taken) = World::new(1, Plan::large(nodes)).figures().unwrap_or_else(|error| panic!("{error}"));
    let timeout = Plan::large(nodes).node_timeout;
    println!(
        "{nodes} nodes, node time-out {timeout} ms: all agree after {agreed} ms, {rate} bytes per node and second, in service {taken} ms after a master's death"
    );
    assert!(taken <= timeout + 1_500, "{taken} ms");
}

#[test]
fn nodes_that_meet_become_a_cluster() {
    for seed in 0..10 {
        // Without given epochs, they collide until all have one of their own.
        let with_epochs = seed % 2 == 0;
        let taken = World::new(seed, Plan::bare()).time_to_form(with_epochs);
        let taken = taken.unwrap_or_else(|error| panic!("{seed}: {error}"));
        assert!(taken <= 3_000, "seed {seed}: {taken} ms");
    }
}

#[test]
fn a_minority_stops_serving_and_follows_when_it_is_back() {
    for seed in 0..10 {
        World::new(seed, Plan::calm()).cut_a_primary_off().unwrap_or_else(|error| panic!("{seed}: {error}"));
    }
}
