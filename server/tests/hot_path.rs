//! The hot path allocates only what it stores: GET, SET (overwrite, same size), INCR and PING allocate nothing, and PUBLISH nothing
//! beside the buffers of its receivers.
//!
//! One test, in a binary of its own: the count is of the whole process.

use std::sync::Arc;

use server::base::allocator;
use server::base::clock::now_ms;
use server::base::ids::ClientId;
use server::config::Config;
use server::resp::request::OwnedArgs;
use server::server::Server;
use server::server::client::{Client, Signal};

fn request(words: &[&str]) -> OwnedArgs {
    OwnedArgs::new(words.iter().map(|word| word.as_bytes()))
}

fn client(id: ClientId) -> Client {
    Client::new(id, now_ms(), Arc::new(Signal::default()))
}

/// Executes the requests in rounds; returns how many allocations there were once buffers and statistics had been made.
fn allocations(server: &mut Server, requests: &[OwnedArgs], rounds: usize) -> usize {
    let mut client = client(ClientId(1));
    let mut round = |server: &mut Server| {
        server.begin_batch(now_ms());
        for request in requests {
            server.execute(&mut client, &request.as_args());
        }
        server.end_batch();
        client.out.clear();
        server.clients.iter_mut().for_each(|client| client.out.clear());
        let mut woken = server.clients.take_woken();
        woken.clear();
        server.clients.keep_woken(woken);
    };
    (0..100).for_each(|_| round(server));
    let before = allocator::allocations();
    (0..rounds).for_each(|_| round(server));
    allocator::allocations() - before
}

#[test]
fn get_set_incr_ping_and_publish_allocate_nothing() {
    // On a busy machine any command may count as slow and be recorded in SLOWLOG.
    let mut server =
        Server::new(Config { slowlog_log_slower_than: -1, ..Config::default() }, server::commands::catalogue(), false);
    let value = "v".repeat(32);
    let requests = [
        request(&["GET", "key:000000000001"]),
        request(&["SET", "key:000000000001", &value]),
        request(&["INCR", "counter"]),
        request(&["PING"]),
    ];
    assert_eq!(allocations(&mut server, &requests, 10_000), 0, "in 10,000 rounds of GET, SET, INCR, PING");

    server.clients.next_id();
    for words in [["SUBSCRIBE", "channel"], ["PSUBSCRIBE", "chan*"], ["SSUBSCRIBE", "channel"]] {
        for _ in 0..50 {
            let id = server.clients.next_id();
            server.clients.add(client(id));
            server.begin_batch(now_ms());
            server.with_session(id, |server, client| server.execute(client, &request(&words).as_args()));
            server.end_batch();
        }
    }
    let requests = [request(&["PUBLISH", "channel", &value]), request(&["SPUBLISH", "channel", &value])];
    assert_eq!(allocations(&mut server, &requests, 100), 0, "in 100 rounds of PUBLISH and SPUBLISH to 150 clients");
}
