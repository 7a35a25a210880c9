//! Mutational fuzzing of topology files and of scenarios, which people write by hand.
//!
//! As `server/tests/fuzz`, whose engine this is: `FUZZ_SECONDS=900 cargo test -p runner --test fuzz -- --nocapture`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "../../server/tests/fuzz/engine.rs"]
mod engine;

use runner::topology::Topology;
use runner::yaml::Source;

#[test]
fn no_topology_file_breaks_the_runner() {
    engine::fuzz("topology", |input| {
        let text = String::from_utf8_lossy(input);
        let source = Source::new("topology.yaml", text.as_ref());
        // A file is refused with a message that names it, or it is one that the plan can use.
        match source.load::<Topology>().and_then(|mut topology| topology.settle(&source).map(|()| topology)) {
            Ok(topology) => assert!(!topology.nodes.entries.is_empty() || topology.cluster.is_some()),
            Err(failure) => assert!(!failure.to_string().is_empty()),
        }
    });
}
