//! Mutational fuzzing of everything that reads foreign bytes: requests, RDB files, RESTORE payloads, configuration files, packets of the
//! cluster bus and its files, TLS handshakes and certificates, ACL files.
//!
//! In `cargo test` each target runs for a second from a fixed seed. For a long run:
//! `FUZZ_SECONDS=900 FUZZ_SEED=7 cargo test -p server --test fuzz -- --nocapture`. The seeds are in `tests/corpus/`; an
//! input that breaks a target is written there, and so becomes a test.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod engine;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use engine::fuzz;
use server::base::clock::now_ms;
use server::config::Config;
use server::config::cli::Arguments;
use server::persistence::load::load;
use server::resp::RequestParser;
use server::resp::request::{Limits, OwnedArgs, Parsed};
use server::server::Server;
use server::server::client::{Client, Signal};

// A single test, because the allocator's record is that of the process.
#[test]
fn no_input_breaks_a_parser() {
    requests();
    rdb_files();
    restore_payloads();
    configuration_files();
    bus_packets();
    nodes_files();
    handshakes();
    certificates();
    acl_files();
}

/// The beginning of a connection with TLS: the handshake goes on, or is refused.
fn handshakes() {
    use rcgen::{CertificateParams, KeyPair};
    let (folder, key) = (tempfile::tempdir().unwrap(), KeyPair::generate().unwrap());
    let certificate = CertificateParams::new(Vec::new()).unwrap().self_signed(&key).unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().into()
    };
    let (tls_cert_file, tls_key_file) = (write("crt", certificate.pem()), write("key", key.serialize_pem()));
    let tls_ca_cert_file = write("ca", certificate.pem());
    let config = Config { tls_cert_file, tls_key_file, tls_ca_cert_file, ..Config::default() };
    let contexts = server::tls::Contexts::load(&config).unwrap();
    fuzz("handshake", |mut input| {
        let mut connection = contexts.accept_client().unwrap();
        while !input.is_empty() && connection.read_tls(&mut input).is_ok() {
            if connection.process_new_packets().is_err() {
                break;
            }
            let _ = connection.write_tls(&mut std::io::sink());
        }
        assert!(connection.is_handshaking(), "nobody was verified");
    });
}

/// A certificate that a peer shows: it leads to a trusted one, or is refused.
fn certificates() {
    use server::tls::chain::{Purpose, Search};
    let trusted: Vec<_> = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/corpus/certificate"))
        .unwrap()
        .map(|entry| std::fs::read(entry.unwrap().path()).unwrap().into())
        .collect();
    let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms.all;
    fuzz("certificate", |input| {
        let presented = [input.to_vec().into()];
        for purpose in [Purpose::Client, Purpose::Server] {
            let search = Search { trusted: &trusted, presented: &presented, purpose, now: 1_900_000_000, algorithms };
            let found = search.run(input);
            let strangers = Search { trusted: &[], ..search };
            assert!(strangers.run(input).is_err(), "nobody is trusted, and this one is");
            drop(found);
        }
    });
}

/// An ACL file is read, and what is written of it leads to the same users, or it is refused.
fn acl_files() {
    use server::acl::{Access, KeyUse, Request, Rulebook, Users};
    let catalogue = Server::new(Config::default(), server::commands::catalogue(), false).acl.catalogue;
    let get = catalogue.find(b"get").unwrap();
    fuzz("acl", |input| {
        let mut book = Rulebook::new(catalogue, false);
        let Ok(users) = Users::from_file(input, "users.acl", &mut book) else { return };
        for user in users.iter() {
            let keys = [KeyUse { index: 1, key: input, access: Access::BOTH }];
            let request = Request { command: get, is_free: false, first_arg: Some(input), keys: &keys, channels: &[] };
            let _ = user.check(&request);
        }
        let written = users.to_file(catalogue);
        // Quotes mean something inside of parentheses, and nothing outside. A pattern of a selector that ends with a parenthesis ends
        // the selector when it is read again, in Redis as well.
        let count = |wanted: u8| written.iter().filter(|&&byte| byte == wanted).count();
        if !written.iter().any(|byte| matches!(byte, b'"' | b'\'' | b'\\'))
            && !written.windows(2).any(|pair| pair == b"))")
            && count(b'(') == count(b')')
        {
            let again = Users::from_file(&written, "users.acl", &mut book);
            let again = again.unwrap_or_else(|errors| panic!("{}", String::from_utf8_lossy(&errors)));
            assert_eq!(again.to_file(catalogue), written, "{}", String::from_utf8_lossy(&written));
        }
    });
}

/// A packet of the cluster bus is read, and says the same when it is written again, or is refused.
fn bus_packets() {
    use server::cluster::message::{Kind, packet_length, read, write};
    fuzz("bus", |input| {
        if let Some(prefix) = input.first_chunk() {
            let _ = packet_length(prefix);
        }
        if let Ok(message) = read(input) {
            let again = read(&write(&message));
            assert!(message.kind == Kind::Module || again == Ok(message), "a packet changes when it is written");
        }
    });
}

/// A file of nodes is read, and says the same when it is written and read again, or is refused.
fn nodes_files() {
    use server::base::random::Random;
    use server::cluster::{Cluster, Settings};
    let settings = Settings::from_config(&Config::default());
    let load = |text: &str| Cluster::from_file(text, settings.clone(), Random::from_seed(1), 1_000_000);
    fuzz("nodes", |input| {
        let text = String::from_utf8_lossy(input);
        if let Ok(Some(cluster)) = load(&text) {
            let written = cluster.file_text();
            assert!(load(&written).is_ok_and(|again| again.is_some()), "what is written cannot be read:\n{written}");
        }
    });
}

/// A stream of requests, fed at once and byte by byte, gives the same requests or the same error.
fn requests() {
    let parse = |input: &[u8], step: usize, authenticated: bool| {
        let limits = Limits { max_bulk: 1 << 20, authenticated };
        let mut parser = RequestParser::default();
        let (mut start, mut end) = (0, 0);
        let mut found: Vec<Vec<Vec<u8>>> = Vec::new();
        loop {
            match parser.parse(&input[start..end], limits) {
                Err(error) => return (found, Some(error)),
                Ok(Parsed::Request { consumed }) => {
                    found.push(parser.args(&input[start..end]).from(0).map(<[u8]>::to_vec).collect());
                    start += consumed;
                }
                Ok(Parsed::Incomplete) if end == input.len() => return (found, None),
                Ok(Parsed::Incomplete) => end = (end + step).min(input.len()),
            }
        }
    };
    fuzz("request", |input| {
        for authenticated in [true, false] {
            let whole = parse(input, usize::MAX / 2, authenticated);
            assert_eq!(whole, parse(input, 1, authenticated), "split input parses differently");
        }
    });
}

fn rdb_files() {
    let options = Server::new(Config::default(), server::commands::catalogue(), false).load_options(false);
    fuzz("rdb", |input| {
        for (checksum, deep) in [(false, false), (false, true), (true, false)] {
            let options = server::persistence::load::LoadOptions { checksum, deep, ..options };
            // Either it loads or it says why not.
            let _ = load(input, &options, &AtomicU64::new(0));
        }
    });
}

/// A payload goes through RESTORE as a client would send it, its checksum made right, and what was stored must be usable.
fn restore_payloads() {
    let mut server = Server::new(Config::default(), server::commands::catalogue(), false);
    let mut client = Client::new(server::base::ids::ClientId(1), now_ms(), Arc::new(Signal::default()));
    fuzz("restore", |input| {
        let mut payload = input[..input.len().saturating_sub(10)].to_vec();
        server::persistence::rdb::dump::finish(&mut payload);
        let mut send = |words: &[&[u8]]| {
            server.begin_batch(now_ms());
            server.execute(&mut client, &OwnedArgs::new(words.iter().copied()).as_args());
            server.end_batch();
            // The network layer, which carries orders out, is not there.
            drop(server.network.take_orders());
            std::mem::take(&mut client.out)
        };
        send(&[b"CONFIG", b"SET", b"sanitize-dump-payload", b"yes"]);
        let reply = send(&[b"RESTORE", b"k", b"0", &payload, b"REPLACE"]);
        if reply == b"+OK\r\n" {
            for words in [
                &[&b"TYPE"[..], b"k"][..],
                &[b"OBJECT", b"ENCODING", b"k"],
                &[b"DUMP", b"k"],
                &[b"HGETALL", b"k"],
                &[b"HSET", b"k", b"f", b"v"],
                &[b"APPEND", b"k", b"x"],
                &[b"DEBUG", b"DIGEST"],
                &[b"DEL", b"k"],
            ] {
                assert!(!send(words).is_empty());
            }
        }
    });
}

fn configuration_files() {
    fuzz("config", |input| {
        let arguments = Arguments { stdin: true, ..Arguments::default() };
        // An include reads other files, which is not what is tested here.
        if !input.windows(7).any(|word| word.eq_ignore_ascii_case(b"include")) {
            let _ = arguments.load(Config::default(), input, &mut |_| Ok(()));
        }
    });
}
