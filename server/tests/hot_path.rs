//! The hot path allocates only what it stores: GET, SET (overwrite, same size), INCR and PING allocate nothing.
//!
//! One test, in a binary of its own: the count is of the whole process.

use std::sync::Arc;

use server::base::allocator;
use server::base::clock::now_ms;
use server::config::Config;
use server::dispatch::Server;
use server::dispatch::client::{Client, Signal};
use server::resp::request::OwnedArgs;

fn request(words: &[&str]) -> OwnedArgs {
    OwnedArgs::new(words.iter().map(|word| word.as_bytes()))
}

#[test]
fn get_set_incr_and_ping_allocate_nothing() {
    let mut server = Server::new(Config::default());
    let mut client = Client::new(1, now_ms(), Arc::new(Signal::default()));
    let value = "v".repeat(32);
    let requests = [
        request(&["GET", "key:000000000001"]),
        request(&["SET", "key:000000000001", &value]),
        request(&["INCR", "counter"]),
        request(&["PING"]),
    ];
    let mut round = |server: &mut Server| {
        server.begin_batch(now_ms());
        for request in &requests {
            server.execute(&mut client, &request.as_args());
        }
        server.end_batch();
        client.out.clear();
    };
    // Statistics, buffers and the keys themselves are made by the first rounds.
    (0..100).for_each(|_| round(&mut server));
    let before = allocator::allocations();
    (0..10_000).for_each(|_| round(&mut server));
    assert_eq!(allocator::allocations() - before, 0, "allocations in 10,000 rounds of GET, SET, INCR, PING");
}
