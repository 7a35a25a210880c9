//! Servers with TLS: which clients are admitted, how others are refused, and everything that opens connections. The same
//! tests run on the real server if it is installed, and ours and the real one talk to each other.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use rcgen::ExtendedKeyUsagePurpose;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, SignatureScheme};

#[expect(dead_code, reason = "other tests need more of it")]
#[path = "support/pki.rs"]
mod pki;
#[expect(dead_code, reason = "other tests need more of it")]
mod support;

use pki::*;
use support::*;

#[derive(Debug)]
struct TrustsAll;

impl ServerCertVerifier for TrustsAll {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// A client without a certificate.
fn anonymous(versions: &[&'static rustls::SupportedProtocolVersion]) -> ClientConnection {
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(TrustsAll))
        .with_no_client_auth();
    ClientConnection::new(Arc::new(config), ServerName::try_from("localhost").unwrap()).unwrap()
}

const ALL: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

fn answers(client: &mut Client<Secure>) -> bool {
    client.try_ask("PING").as_deref() == Some("+PONG")
}

#[test]
fn certificates_are_accepted_and_refused_as_by_the_real_server() {
    let (authority, other) = (Authority::new("ca"), Authority::new("other"));
    let ours = authority.issue("server");
    let shown = [
        ("of the authority", authority.contexts(&authority.issue("client"))),
        ("of another authority", authority.contexts(&other.issue("stranger"))),
        ("that has expired", authority.contexts(&authority.expired("old"))),
        ("for clients", authority.contexts(&authority.only_for("purpose", ExtendedKeyUsagePurpose::ClientAuth))),
        (
            "for servers only",
            authority.contexts(&authority.only_for("server-only", ExtendedKeyUsagePurpose::ServerAuth)),
        ),
    ];
    for engine in engines() {
        let server = SecureServer::start(engine, &authority, &ours, &[]);
        for (mode, none, good, bad) in
            [("yes", false, true, false), ("optional", true, true, false), ("no", true, true, true)]
        {
            assert_eq!(server.server.ask(&format!("CONFIG SET tls-auth-clients {mode}")), "+OK");
            let without = answers(&mut connect(anonymous(ALL), server.tls_port));
            assert_eq!(without, none, "{engine}, {mode}: without a certificate");
            let older = answers(&mut connect(anonymous(&[&rustls::version::TLS12]), server.tls_port));
            assert_eq!(older, none, "{engine}, {mode}: without a certificate, TLS 1.2");
            for (what, contexts) in &shown {
                let expected = if matches!(*what, "of the authority" | "for clients") { good } else { bad };
                assert_eq!(answers(&mut server.client(contexts)), expected, "{engine}, {mode}: one {what}");
            }
        }
        let log = log(server.folder.path());
        assert!(log.contains("Error accepting a client connection"), "{engine}: {log}");
    }
}

#[test]
fn a_server_whose_certificate_is_not_good_is_not_talked_to() {
    let (authority, other) = (Authority::new("ca"), Authority::new("other"));
    let client = authority.contexts(&authority.issue("client"));
    for (what, identity, good) in [
        ("good", authority.issue("server"), true),
        ("for servers", authority.only_for("purpose", ExtendedKeyUsagePurpose::ServerAuth), true),
        ("of another authority", other.issue("stranger"), false),
        ("expired", authority.expired("old"), false),
        ("for clients only", authority.only_for("client-only", ExtendedKeyUsagePurpose::ClientAuth), false),
    ] {
        for engine in engines() {
            let server = SecureServer::start(engine, &authority, &identity, &["--tls-auth-clients", "no"]);
            assert_eq!(answers(&mut server.client(&client)), good, "{engine}: {what}");
        }
    }
}

#[test]
fn settings_that_cannot_be_loaded_are_refused_and_the_old_ones_stay() {
    let authority = Authority::new("ca");
    let (identity, another) = (authority.issue("server"), authority.issue("another"));
    let contexts = authority.contexts(&identity);
    let other_key = another.key.display().to_string();
    let cases = [
        ("tls-cert-file", "/nonexistent"),
        ("tls-key-file", &other_key),
        ("tls-key-file", "/nonexistent"),
        ("tls-ca-cert-file", "/nonexistent"),
        ("tls-ca-cert-file", "\"\""),
        ("tls-cert-file", "\"\""),
        ("tls-protocols", "SSLv2"),
        ("tls-ciphers", "nonsense"),
        ("tls-ciphersuites", "nonsense"),
    ];
    let (mut replies, mut first_log) = (Vec::new(), String::new());
    for engine in engines() {
        let server = SecureServer::start(engine, &authority, &identity, &[]);
        let before = server.server.ask("CONFIG GET tls-cert-file");
        let said: Vec<String> =
            cases.iter().map(|(name, value)| server.server.ask(&format!("CONFIG SET {name} {value}"))).collect();
        for reply in &said {
            assert!(reply.contains("Unable to update TLS configuration. Check server logs."), "{engine}: {reply}");
        }
        replies.push(said);
        assert_eq!(server.server.ask("CONFIG GET tls-cert-file"), before);
        assert!(answers(&mut server.client(&contexts)), "{engine}");
        first_log.push_str(&log(server.folder.path()));
    }
    assert!(replies.windows(2).all(|pair| pair[0] == pair[1]), "{replies:#?}");
    assert!(first_log.contains("the key is not the certificate's"), "{first_log}");
    // What the real server can do and ours cannot.
    let server = SecureServer::start(OURS, &authority, &identity, &[]);
    for refused in ["tls-protocols \"TLSv1.1 TLSv1.2\"", "tls-ciphers AES128-SHA", "tls-dh-params-file /dev/null"] {
        assert!(server.server.ask(&format!("CONFIG SET {refused}")).starts_with("-ERR CONFIG SET failed"), "{refused}");
    }
    let log = log(server.folder.path());
    for reason in ["TLSv1.1 is not supported", "AES128-SHA is not supported"] {
        assert!(log.contains(reason), "{reason}: {log}");
    }
}

#[test]
fn a_server_does_not_start_without_what_tls_needs() {
    let authority = Authority::new("ca");
    let identity = authority.issue("server");
    let options = authority.options(&identity, free_port());
    let words: Vec<&str> = options.iter().map(String::as_str).collect();
    for engine in engines() {
        for (cut, reason) in
            [(2, "No tls-cert-file configured!"), (4, "No tls-key-file configured!"), (6, "Either tls-ca-cert-file")]
        {
            let folder = tempfile::tempdir().unwrap();
            let (mut command, _) = command(engine, folder.path(), &words[..cut]);
            let output = output_of(&mut command);
            let text = String::from_utf8_lossy(&output.stdout);
            assert_eq!(output.status.code(), Some(1), "{engine}");
            assert!(text.contains(reason) && text.contains("Failed to configure TLS"), "{engine}: {text}");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let (mut command, _) = command(OURS, folder.path(), &[&words[..], &["--tls-protocols", "TLSv1"]].concat());
    let output = output_of(&mut command);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stdout).contains("TLSv1 is not supported"));
}

#[test]
fn tls_is_switched_on_and_off_while_the_server_runs_and_the_plain_port_can_go() {
    let authority = Authority::new("ca");
    let identity = authority.issue("server");
    let contexts = authority.contexts(&identity);
    for engine in engines() {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(engine, folder.path(), &[]);
        let port = free_port();
        assert!(server.ask(&format!("CONFIG SET tls-port {port}")).starts_with("-ERR"), "{engine}");
        let (certificate, key) = (identity.certificate.display(), identity.key.display());
        let files =
            format!("tls-cert-file {certificate} tls-key-file {key} tls-ca-cert-file {}", authority.file().display());
        assert_eq!(server.ask(&format!("CONFIG SET {files} tls-port {port}")), "+OK", "{engine}");
        let mut secure = connect(contexts.connect().unwrap(), port);
        assert_eq!(secure.ask("CONFIG SET port 0"), "+OK", "{engine}");
        assert!(Client::open(server.port).is_none_or(|mut client| client.try_ask("PING").is_none()), "{engine}");
        assert!(secure.ask("INFO server").contains(&format!("tcp_port:{port}\r\n")), "{engine}");
        assert!(answers(&mut connect(contexts.connect().unwrap(), port)), "{engine}");
        assert_eq!(secure.ask(&format!("CONFIG SET port {} tls-port 0", server.port)), "+OK", "{engine}");
        assert_eq!(server.ask("PING"), "+PONG", "{engine}");
        assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "{engine}");
        assert!(answers(&mut secure), "{engine}: connections stay");
    }
}

#[test]
fn certificates_are_renewed_under_load_without_closing_connections() {
    let authority = Authority::new("ca");
    let identity = authority.issue("server");
    let contexts = Arc::new(authority.contexts(&identity));
    for threads in ["1", "4"] {
        let server = SecureServer::start(OURS, &authority, &identity, &["--io-threads", threads]);
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let workers: Vec<_> = (0..4)
            .map(|worker| {
                let (stop, asked, mut client) = (Arc::clone(&stop), Arc::clone(&asked), server.client(&contexts));
                thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        assert_eq!(client.ask(&format!("SET key:{worker} value")), "+OK");
                        assert_eq!(client.ask(&format!("GET key:{worker}")), "value");
                        asked.fetch_add(1, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        for round in 0..10 {
            let before = asked.load(Ordering::Relaxed);
            let renewed = authority.issue(&format!("renewed-{round}"));
            let (certificate, key) = (renewed.certificate.display(), renewed.key.display());
            let set = format!("CONFIG SET tls-cert-file {certificate} tls-key-file {key}");
            assert_eq!(server.server.ask(&set), "+OK");
            assert!(server.server.ask("CONFIG SET tls-cert-file /nonexistent").starts_with("-ERR"));
            let mut fresh = server.client(&contexts);
            assert!(answers(&mut fresh));
            let shown = fresh.0.get_ref().conn.peer_certificates().unwrap()[0].to_vec();
            let pem = std::fs::read(&renewed.certificate).unwrap();
            let (_, expected) = x509_parser::pem::parse_x509_pem(&pem).unwrap();
            assert_eq!(shown, expected.contents, "who connects now sees the new certificate");
            until("the clients go on", || asked.load(Ordering::Relaxed) > before + 20);
        }
        stop.store(true, Ordering::Relaxed);
        workers.into_iter().for_each(|worker| worker.join().unwrap());
    }
}

#[test]
fn clients_that_do_not_speak_tls_are_closed_and_the_others_continue() {
    let authority = Authority::new("ca");
    let identity = authority.issue("server");
    let contexts = authority.contexts(&identity);
    for engine in engines() {
        let server = SecureServer::start(engine, &authority, &identity, &[]);
        let mut secure = server.client(&contexts);
        for words in [&b"PING\r\n"[..], b"GET / HTTP/1.0\r\n\r\n", b"\x16\x03\x01\x00\x05hello", &[0xff; 70_000]] {
            let mut stream = TcpStream::connect(("127.0.0.1", server.tls_port)).unwrap();
            stream.set_read_timeout(Some(SOON)).unwrap();
            // It may be reset before everything was sent.
            let _ = stream.write_all(words);
            let mut answer = Vec::new();
            let ended = stream.read_to_end(&mut answer);
            let reset = ended.as_ref().is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset);
            assert!(ended.is_ok() || reset, "{engine}: {ended:?}");
            assert!(answer.len() < 10, "{engine}: no more than an alert: {answer:?}");
            assert!(answers(&mut secure), "{engine}");
        }
        until("they are logged", || {
            log(server.folder.path()).matches("Error accepting a client connection").count() == 4
        });
    }
}

#[test]
fn a_handshake_that_does_not_end_is_ended() {
    let authority = Authority::new("ca");
    let identity = authority.issue("server");
    let server = SecureServer::start(OURS, &authority, &identity, &["--timeout", "1", "--maxclients", "20"]);
    let contexts = authority.contexts(&identity);
    let mut silent: Vec<TcpStream> =
        (0..10).map(|_| TcpStream::connect(("127.0.0.1", server.tls_port)).unwrap()).collect();
    // The beginning of a record that promises more than comes.
    silent.iter_mut().skip(5).for_each(|stream| stream.write_all(b"\x16\x03\x01\x02\x00\x01").unwrap());
    assert!(answers(&mut server.client(&contexts)), "others are served meanwhile");
    for stream in &mut silent {
        stream.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
    }
    until("their sessions are gone", || server.server.info("connected_clients") == "1");
    // CLIENT KILL ends one that is in its handshake, and `maxclients` counts it.
    let waiting: Vec<TcpStream> =
        (0..19).map(|_| TcpStream::connect(("127.0.0.1", server.tls_port)).unwrap()).collect();
    let mut plain = server.server.client();
    until("it counts", || plain.ask("INFO clients").contains("connected_clients:20\r\n"));
    assert!(!answers(&mut server.client(&contexts)), "there is no room");
    let address = waiting[0].local_addr().unwrap();
    assert_eq!(plain.ask(&format!("CLIENT KILL ADDR {address}")), ":1");
    until("it is gone", || !plain.ask("CLIENT LIST").contains(&address.to_string()));
}

/// Values that are too large for a request in one line.
fn store<S: Read + Write>(client: &mut Client<S>, key: &str, value: &str) {
    let request = format!("*3\r\n$3\r\nSET\r\n${}\r\n{key}\r\n${}\r\n{value}\r\n", key.len(), value.len());
    client.0.get_mut().write_all(request.as_bytes()).unwrap();
    assert_eq!(client.reply().unwrap(), "+OK");
}

#[test]
fn a_pipeline_of_any_size_is_answered_whole_and_in_order() {
    let authority = Authority::new("ca");
    let identity = authority.issue("server");
    let contexts = authority.contexts(&identity);
    for threads in ["1", "3"] {
        let server = SecureServer::start(OURS, &authority, &identity, &["--io-threads", threads]);
        let mut client = server.client(&contexts);
        let value = |number: usize| format!("{number}:").repeat(number % 977 + 1);
        let count = 4000;
        let sets: String = (0..count).map(|number| format!("SET key:{number} {}\r\n", value(number))).collect();
        client.0.get_mut().write_all(sets.as_bytes()).unwrap();
        for _ in 0..count {
            assert_eq!(client.reply().unwrap(), "+OK");
        }
        let gets: String = (0..count).map(|number| format!("GET key:{number}\r\n")).collect();
        // All of it is written before anything is read: some MB wait for this client.
        client.0.get_mut().write_all(gets.as_bytes()).unwrap();
        client.0.get_mut().write_all(gets.as_bytes()).unwrap();
        for number in (0..count).chain(0..count) {
            assert_eq!(client.reply().unwrap(), value(number));
        }
        let large = "x".repeat(20_000_000);
        store(&mut client, "large", &large);
        assert!(client.ask("GET large") == large);
    }
}

#[test]
fn what_a_client_does_not_read_counts_against_its_limit() {
    let authority = Authority::new("ca");
    let identity = authority.issue("server");
    let contexts = authority.contexts(&identity);
    let server = SecureServer::start(OURS, &authority, &identity, &["--client-output-buffer-limit", "normal 4mb 0 0"]);
    store(&mut server.server.client(), "key", &"x".repeat(100_000));
    let mut client = server.client(&contexts);
    assert!(answers(&mut client));
    let gets = "GET key\r\n".repeat(1000);
    let _ = client.0.get_mut().write_all(gets.as_bytes());
    until("it is cut off", || {
        server.server.info("client_output_buffer_limit_disconnections") == "1"
            || server.server.info("connected_clients") == "1"
    });
    assert!(log(server.folder.path()).contains("output buffer limits"), "{}", log(server.folder.path()));
}

fn openssl(folder: &std::path::Path, line: &str) {
    let words: Vec<&str> = line.split(' ').collect();
    let output = output_of(Command::new("openssl").args(words).current_dir(folder));
    assert!(output.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&output.stderr));
}

fn has_openssl() -> bool {
    let found = Command::new("openssl").arg("version").output().is_ok();
    if !found {
        println!("NOT RUN: openssl is not installed");
    }
    found
}

#[test]
fn certificates_of_version_1_are_as_good_as_others_and_encrypted_keys_are_read() {
    if !has_openssl() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let run = |line: &str| openssl(folder.path(), line);
    run("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -subj /CN=ca -days 30");
    run("req -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /O=x/CN=leaf");
    run("x509 -req -in leaf.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out leaf.crt -days 30");
    run("pkcs8 -topk8 -in leaf.key -out secret.key -passout pass:open");
    run("rsa -aes128 -traditional -in leaf.key -out old.key -passout pass:open");
    let text = output_of(
        Command::new("openssl").args(["x509", "-in", "leaf.crt", "-noout", "-text"]).current_dir(folder.path()),
    );
    assert!(String::from_utf8_lossy(&text.stdout).contains("Version: 1"), "it is one of version 1");
    let at = |name: &str| folder.path().join(name).display().to_string();
    for engine in engines() {
        let (data, port) = (tempfile::tempdir().unwrap(), free_port());
        let (tls_port, key, certificate, authority) =
            (port.to_string(), at("secret.key"), at("leaf.crt"), at("ca.crt"));
        let server = Server::start(
            engine,
            data.path(),
            &[
                "--tls-port",
                &tls_port,
                "--tls-cert-file",
                &certificate,
                "--tls-key-file",
                &key,
                "--tls-key-file-pass",
                "open",
                "--tls-ca-cert-file",
                &authority,
            ],
        );
        let config = server::config::Config {
            tls_cert_file: certificate.as_str().into(),
            tls_key_file: at("leaf.key").as_str().into(),
            tls_ca_cert_file: authority.as_str().into(),
            ..server::config::Config::default()
        };
        let contexts = server::tls::Contexts::load(&config).unwrap();
        for protocols in ["TLSv1.2", "TLSv1.3"] {
            assert_eq!(server.ask(&format!("CONFIG SET tls-protocols {protocols}")), "+OK");
            assert!(answers(&mut connect(contexts.connect().unwrap(), port)), "{engine}, {protocols}");
        }
        if Command::new("redis-cli").arg("--version").output().is_ok() {
            let words = [
                "--tls",
                "--cacert",
                &authority,
                "--cert",
                &certificate,
                "--key",
                &at("leaf.key"),
                "-p",
                &tls_port,
                "PING",
            ];
            let output = output_of(Command::new("redis-cli").args(words));
            assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "PONG", "{engine}");
        }
        assert!(server.ask("CONFIG SET tls-key-file-pass wrong").starts_with("-ERR"), "{engine}");
        if engine == OURS {
            assert!(server.ask(&format!("CONFIG SET tls-key-file {}", at("old.key"))).starts_with("-ERR"));
            assert!(log(data.path()).contains("old PEM format"));
        }
    }
}

fn populate(server: &Server, keys: usize) {
    assert_eq!(server.ask(&format!("DEBUG POPULATE {keys} key 200")), "+OK");
}

fn same_data(a: &Server, b: &Server) {
    until("the data are the same", || a.ask("DEBUG DIGEST") == b.ask("DEBUG DIGEST"));
}

/// Pairs of engines: ours on both sides, and with the real one on either.
fn pairs() -> Vec<(&'static str, &'static str)> {
    if installed(REAL) { vec![(OURS, OURS), (OURS, REAL), (REAL, OURS)] } else { vec![(OURS, OURS)] }
}

#[test]
fn replicas_follow_inside_tls_whichever_side_is_ours() {
    let authority = Authority::new("ca");
    let identity = authority.issue("node");
    for (primary, replica) in pairs() {
        for diskless in ["yes", "no"] {
            let more =
                ["--tls-replication", "yes", "--repl-diskless-sync", diskless, "--repl-diskless-sync-delay", "0"];
            let primary = SecureServer::start(primary, &authority, &identity, &more);
            populate(&primary.server, 30_000);
            let replica = SecureServer::start(replica, &authority, &identity, &more);
            assert_eq!(replica.server.ask(&format!("REPLICAOF 127.0.0.1 {}", primary.tls_port)), "+OK");
            until("it is in sync", || replica.server.info("master_link_status") == "up");
            let announced = format!("port={},state=online", replica.tls_port);
            until("the port with TLS is announced", || primary.server.info("slave0").contains(&announced));
            let ended = format!("laddr=127.0.0.1:{} ", primary.tls_port);
            assert!(primary.server.ask("CLIENT LIST TYPE replica").contains(&ended));
            for number in 0..1000 {
                primary.server.ask(&format!("SET live:{number} {number}"));
            }
            same_data(&primary.server, &replica.server);
        }
    }
}

#[test]
fn a_replica_that_does_not_trust_its_primary_or_is_not_trusted_gets_nothing() {
    let (authority, other) = (Authority::new("ca"), Authority::new("other"));
    let (good, bad) = (authority.issue("node"), other.issue("node"));
    let primary = SecureServer::start(OURS, &authority, &good, &[]);
    populate(&primary.server, 10);
    let deceived = SecureServer::start(OURS, &other, &bad, &["--tls-replication", "yes"]);
    let stranger = SecureServer::start(OURS, &authority, &bad, &["--tls-replication", "yes"]);
    let plain = SecureServer::start(OURS, &authority, &good, &[]);
    for replica in [&deceived, &stranger, &plain] {
        assert_eq!(replica.server.ask(&format!("REPLICAOF 127.0.0.1 {}", primary.tls_port)), "+OK");
    }
    until("all have tried", || log(primary.folder.path()).matches("Error accepting a client connection").count() >= 6);
    for replica in [&deceived, &stranger, &plain] {
        assert_eq!(
            (replica.server.info("master_link_status").as_str(), replica.server.ask("DBSIZE").as_str()),
            ("down", ":0")
        );
    }
    // Inside TLS to a port without: nothing is sent in the clear.
    let towards_plain = SecureServer::start(OURS, &authority, &good, &["--tls-replication", "yes"]);
    assert_eq!(towards_plain.server.ask(&format!("REPLICAOF 127.0.0.1 {}", primary.server.port)), "+OK");
    until("it has tried", || log(towards_plain.folder.path()).matches("Connecting to MASTER").count() >= 2);
    assert_eq!(towards_plain.server.info("master_link_status"), "down");
}

#[test]
fn keys_migrate_inside_tls() {
    let authority = Authority::new("ca");
    let identity = authority.issue("node");
    for (from, to) in pairs() {
        let from = SecureServer::start(from, &authority, &identity, &["--tls-cluster", "yes"]);
        let to = SecureServer::start(to, &authority, &identity, &["--tls-cluster", "yes"]);
        let value = "v".repeat(3_000_000);
        assert_eq!(from.server.ask("SET small 1"), "+OK");
        store(&mut from.server.client(), "big", &value);
        for key in ["small", "big"] {
            assert_eq!(from.server.ask(&format!("MIGRATE 127.0.0.1 {} {key} 0 20000", to.tls_port)), "+OK");
        }
        assert_eq!(from.server.ask("DBSIZE"), ":0");
        assert_eq!((to.server.ask("GET small"), to.server.ask("GET big") == value), ("1".into(), true));
        let refused = from.server.ask("SET small 1");
        assert_eq!(refused, "+OK");
        assert!(from.server.ask(&format!("MIGRATE 127.0.0.1 {} small 0 5000", to.server.port)).starts_with("-IOERR"));
    }
}

fn node(engine: &str, authority: &Authority, identity: &Identity, options: &[&str]) -> SecureServer {
    let bus = (free_port()).to_string();
    let cluster = [
        "--cluster-enabled",
        "yes",
        "--tls-cluster",
        "yes",
        "--tls-replication",
        "yes",
        "--cluster-node-timeout",
        "3000",
    ];
    let more = [&cluster[..], &["--cluster-port", &bus, "--repl-diskless-sync-delay", "0"], options].concat();
    SecureServer::start(engine, authority, identity, &more)
}

fn bus_port(server: &SecureServer) -> String {
    let found = server.server.ask("CONFIG GET cluster-port");
    drop(found);
    let mut client = server.server.client();
    client.0.get_mut().write_all(b"CONFIG GET cluster-port\r\n").unwrap();
    let mut lines = (0..5).map(|_| {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut client.0, &mut line).unwrap();
        line.trim_end().to_owned()
    });
    lines.nth(4).unwrap()
}

#[test]
fn a_cluster_of_ours_and_real_nodes_talks_and_fails_over_inside_tls() {
    let authority = Authority::new("ca");
    let identity = authority.issue("node");
    let real = if installed(REAL) { REAL } else { OURS };
    let nodes = [OURS, real, OURS, real, OURS].map(|engine| node(engine, &authority, &identity, &[]));
    for (number, range) in ["0 5460", "5461 10922", "10923 16383"].iter().enumerate() {
        assert_eq!(nodes[number].server.ask(&format!("CLUSTER ADDSLOTSRANGE {range}")), "+OK");
        assert_eq!(nodes[number].server.ask(&format!("CLUSTER SET-CONFIG-EPOCH {}", number + 1)), "+OK");
    }
    for other in &nodes[1..] {
        let (port, bus) = (other.tls_port, bus_port(other));
        assert_eq!(nodes[0].server.ask(&format!("CLUSTER MEET 127.0.0.1 {port} {bus}")), "+OK");
    }
    let known = |server: &SecureServer| {
        let info = server.server.ask("CLUSTER INFO");
        info.contains("cluster_state:ok")
            && info.contains("cluster_known_nodes:5")
            && !server.server.ask("CLUSTER NODES").contains("handshake")
    };
    for server in &nodes {
        until("all know each other", || known(server));
    }
    // A client without TLS is sent to ports without, one with TLS to those with.
    let contexts = authority.contexts(&identity);
    for server in &nodes[..2] {
        let other = &nodes[2];
        let plain = || server.server.ask("GET {a}4");
        until("the plain port is known", || plain() == format!("-MOVED {} 127.0.0.1:{}", slot("a"), other.server.port));
        assert_eq!(
            server.client(&contexts).ask("GET {a}4"),
            format!("-MOVED {} 127.0.0.1:{}", slot("a"), other.tls_port)
        );
        let (plain, secure) = (server.server.ask("CLUSTER NODES"), server.client(&contexts).ask("CLUSTER NODES"));
        assert!(plain.contains(&format!("127.0.0.1:{}@", other.server.port)), "{plain}");
        assert!(secure.contains(&format!("127.0.0.1:{}@", other.tls_port)), "{secure}");
    }
    // Node 3, a real one, follows node 0; node 4, ours, follows node 1.
    for (replica, primary) in [(3, 0), (4, 1)] {
        let id = nodes[primary].server.ask("CLUSTER MYID");
        until("it follows", || nodes[replica].server.ask(&format!("CLUSTER REPLICATE {id}")) == "+OK");
        until("it is in sync", || nodes[replica].server.info("master_link_status") == "up");
    }
    let [first, second, _, third, fourth] = nodes;
    until("the last know their masters", || {
        fourth.server.ask("CLUSTER NODES").matches(" slave ").count()
            + fourth.server.ask("CLUSTER NODES").matches("myself,slave").count()
            >= 2
    });
    first.server.kill_now();
    until("the real replica takes over", || third.server.info("role") == "master");
    until("the cluster works again", || fourth.server.ask("CLUSTER INFO").contains("cluster_state:ok"));
    second.server.kill_now();
    until("our replica takes over", || fourth.server.info("role") == "master");
    until("the cluster works again", || third.server.ask("CLUSTER INFO").contains("cluster_state:ok"));
}

fn slot(tag: &str) -> u16 {
    server::base::slot::key_slot(tag.as_bytes()).number()
}

/// A Sentinel that listens with TLS only.
struct Sentinel {
    process: Server,
    tls_port: u16,
    _folder: tempfile::TempDir,
}

fn sentinel(engine: &str, authority: &Authority, identity: &Identity, primary: u16) -> Sentinel {
    let (folder, tls_port) = (tempfile::tempdir().unwrap(), free_port());
    let file = folder.path().join("sentinel.conf");
    let text = format!(
        "port 0\ntls-port {tls_port}\ntls-replication yes\ntls-cert-file {}\ntls-key-file {}\ntls-ca-cert-file {}\ndir {}\n\
         sentinel monitor m 127.0.0.1 {primary} 2\nsentinel down-after-milliseconds m 2000\nsentinel failover-timeout m 3000\n",
        identity.certificate.display(),
        identity.key.display(),
        authority.file().display(),
        folder.path().display(),
    );
    std::fs::write(&file, text).unwrap();
    let log = std::fs::File::create(folder.path().join("log")).unwrap();
    let process = Command::new(engine).arg(&file).arg("--sentinel").stdout(log).spawn().unwrap();
    Sentinel { process: Server { process, port: tls_port }, tls_port, _folder: folder }
}

#[test]
fn sentinels_of_both_kinds_fail_over_inside_tls() {
    let authority = Authority::new("ca");
    let identity = authority.issue("node");
    let contexts = authority.contexts(&identity);
    let real = if installed(REAL) { REAL } else { OURS };
    let more = ["--tls-replication", "yes", "--repl-diskless-sync-delay", "0"];
    let primary = SecureServer::start(OURS, &authority, &identity, &more);
    let replicas = [real, OURS].map(|engine| SecureServer::start(engine, &authority, &identity, &more));
    for replica in &replicas {
        assert_eq!(replica.server.ask(&format!("REPLICAOF 127.0.0.1 {}", primary.tls_port)), "+OK");
        until("it is in sync", || replica.server.info("master_link_status") == "up");
    }
    let sentinels = [OURS, real, real].map(|engine| sentinel(engine, &authority, &identity, primary.tls_port));
    let ask = |sentinel: &Sentinel, line: &str| {
        TcpStream::connect(("127.0.0.1", sentinel.tls_port)).ok()?;
        connect(contexts.connect().unwrap(), sentinel.tls_port).try_ask(line)
    };
    for sentinel in &sentinels {
        until("it knows the others", || {
            ask(sentinel, "INFO sentinel")
                .is_some_and(|text| text.contains("status=ok") && text.contains("slaves=2,sentinels=3"))
        });
    }
    primary.server.kill_now();
    // Sentinel has a node that it gives another role close its clients' connections: one that is asked just then is asked again.
    let says = |replica: &SecureServer, line: &str| {
        let text = Client::open(replica.server.port).and_then(|mut client| client.try_ask("INFO replication"));
        text.is_some_and(|text| text.contains(line))
    };
    let mut promoted = None;
    until("a replica is promoted", || {
        promoted = replicas.iter().find(|replica| says(replica, "role:master\r\n"));
        promoted.is_some()
    });
    let promoted = promoted.unwrap();
    for sentinel in &sentinels {
        until("all Sentinels say so", || {
            ask(sentinel, "INFO sentinel")
                .is_some_and(|text| text.contains(&format!("address=127.0.0.1:{}", promoted.tls_port)))
        });
        drop(ask(sentinel, "PING"));
        assert!(sentinel.process.port == sentinel.tls_port);
    }
    let other = replicas.iter().find(|replica| replica.tls_port != promoted.tls_port).unwrap();
    until("the other one follows it", || {
        says(other, &format!("master_port:{}\r\n", promoted.tls_port)) && says(other, "master_link_status:up\r\n")
    });
}
