//! Simulated Sentinels with late and lost messages, machines that crash and pause, and clocks that jump. All invariants are
//! checked after every event.
//!
//! A failing seed is printed. `SENTINEL_SEED=N` replays one, `SENTINEL_SEEDS=N` runs that many.

#[path = "sentinel_simulation/invariants.rs"]
mod invariants;
#[path = "sentinel_simulation/node.rs"]
mod node;
#[path = "sentinel_simulation/world.rs"]
mod world;

mod seeds;

use world::{Plan, World};

/// As the real Sentinel tells it, measured; it says -odown, too, where the others' opinions grow old meanwhile.
const LEADER: [&str; 20] = [
    "+sdown",
    "+odown",
    "+new-epoch",
    "+try-failover",
    "+vote-for-leader",
    "+elected-leader",
    "+failover-state-select-slave",
    "+selected-slave",
    "+failover-state-send-slaveof-noone",
    "+failover-state-wait-promotion",
    "-role-change",
    "+promoted-slave",
    "+failover-state-reconf-slaves",
    "+slave-reconf-sent",
    "+slave-reconf-inprog",
    "+slave-reconf-done",
    "+failover-end",
    "+switch-master",
    "+slave",
    "+slave",
];

#[test]
fn a_leader_publishes_each_step_and_the_others_publish_the_switch() {
    for seed in 0..20 {
        let told = World::new(seed, Plan::calm()).events_of_a_failover(8).expect("nothing forbidden happens");
        let leads = |events: &&Vec<&str>| events.contains(&"+elected-leader");
        let leaders: Vec<_> = told.iter().filter(leads).collect();
        let [leader] = leaders.as_slice() else { panic!("seed {seed}: {} leaders", leaders.len()) };
        // The old primary, a replica now, is down in the end.
        assert_eq!(leader[..], [&LEADER[..], &["+sdown"]].concat(), "seed {seed}");
        for observer in told.iter().filter(|events| !leads(events)) {
            let rest: Vec<_> = observer.iter().filter(|name| !["+odown", "-role-change"].contains(name)).collect();
            let expected = [
                "+sdown",
                "+new-epoch",
                "+vote-for-leader",
                "+config-update-from",
                "+switch-master",
                "+slave",
                "+slave",
                "+sdown",
            ];
            assert_eq!(rest, expected.iter().collect::<Vec<_>>(), "seed {seed}");
        }
    }
}

#[test]
fn each_epoch_has_one_leader_and_finally_there_is_one_primary() {
    seeds::play_all("SENTINEL", 120, "promotions", |seed| World::new(seed, Plan::of_seed(seed)).play());
}
