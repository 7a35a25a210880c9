//! Chains of certificates by OpenSSL's rules. Each is presented to our server and to the real one as a client's, and to our
//! verifier as a server's. The verdicts must be those of the table.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use rcgen::{
    CertificateParams, CustomExtension, ExtendedKeyUsagePurpose as Purpose, IsCa, KeyUsagePurpose as Usage,
    date_time_ymd,
};

#[expect(dead_code, reason = "other tests need more of it")]
#[path = "support/pki.rs"]
mod pki;
#[expect(dead_code, reason = "other tests need more of it")]
mod support;

use pki::*;
use support::*;

fn nothing(_: &mut CertificateParams) {}

/// A chain, whether it is good for a client, and whether for a server.
fn chains(authority: &Authority) -> Vec<(&'static str, Identity, bool, bool)> {
    let forged = Authority::new("ca");
    let below = |name, between: fn(&mut CertificateParams), leaf: fn(&mut CertificateParams)| {
        authority.issue_below(name, between, leaf)
    };
    let direct = |name, change: fn(&mut CertificateParams)| authority.issue_with(name, change);
    let alone = below("alone", nothing, nothing);
    let text = std::fs::read_to_string(&alone.certificate).unwrap();
    let (leaf, _) = text.split_at(text.rfind("-----BEGIN").unwrap());
    std::fs::write(&alone.certificate, leaf).unwrap();
    let stranger = forged.issue("stranger");
    let kept = |identity: &Identity, name: &str| {
        let to = |end| authority.folder.path().join(format!("{name}.{end}"));
        std::fs::copy(&identity.certificate, to("crt")).unwrap();
        std::fs::copy(&identity.key, to("key")).unwrap();
        Identity { certificate: to("crt"), key: to("key") }
    };
    vec![
        ("below an authority in between", below("between", nothing, nothing), true, true),
        ("the one in between is not sent", alone, false, false),
        (
            "the one in between is no authority",
            below("no-ca", |it| it.is_ca = IsCa::ExplicitNoCa, nothing),
            false,
            false,
        ),
        (
            "the one in between says nothing of authority",
            below("silent", |it| it.is_ca = IsCa::NoCa, nothing),
            false,
            false,
        ),
        (
            "the one in between has expired",
            below(
                "old",
                |it| (it.not_before, it.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1)),
                nothing,
            ),
            false,
            false,
        ),
        (
            "the one in between is for servers",
            below("for-servers", |it| it.extended_key_usages = vec![Purpose::ServerAuth], nothing),
            false,
            true,
        ),
        (
            "the one in between may not sign certificates",
            below("no-sign", |it| it.key_usages = vec![Usage::DigitalSignature], nothing),
            false,
            false,
        ),
        ("not valid yet", direct("early", |it| it.not_before = date_time_ymd(2090, 1, 1)), false, false),
        ("for encryption of keys", direct("encipher", |it| it.key_usages = vec![Usage::KeyEncipherment]), false, true),
        ("for signatures", direct("sign", |it| it.key_usages = vec![Usage::DigitalSignature]), true, true),
        ("for signing code", direct("code", |it| it.extended_key_usages = vec![Purpose::CodeSigning]), false, false),
        ("for any purpose", direct("any", |it| it.extended_key_usages = vec![Purpose::Any]), false, false),
        (
            "for both purposes",
            direct("both", |it| it.extended_key_usages = vec![Purpose::ServerAuth, Purpose::ClientAuth]),
            true,
            true,
        ),
        (
            "with something critical that nobody knows",
            direct("critical", |it| {
                let mut extension = CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99999, 1], vec![5, 0]);
                extension.set_criticality(true);
                it.custom_extensions = vec![extension];
            }),
            false,
            false,
        ),
        ("of an authority with the same name", kept(&stranger, "forged"), false, false),
        ("the authority itself", authority.itself(), true, true),
        ("expired", authority.expired("expired"), false, false),
    ]
}

fn answers(client: &mut Client<Secure>) -> bool {
    client.try_ask("PING").as_deref() == Some("+PONG")
}

#[test]
fn chains_are_judged_as_openssl_judges_them() {
    let authority = Authority::new("ca");
    let node = authority.issue("node");
    let chains = chains(&authority);
    let engines = if installed(REAL) { vec![OURS, REAL] } else { vec![OURS] };
    let mut wrong = Vec::new();
    for engine in &engines {
        let server = SecureServer::start(engine, &authority, &node, &[]);
        for (what, identity, for_client, _) in &chains {
            if answers(&mut server.client(&authority.contexts(identity))) != *for_client {
                wrong.push(format!("{engine}, a client's: {what}, expected {for_client}"));
            }
        }
    }
    let client = authority.contexts(&node);
    for (what, identity, _, for_server) in &chains {
        let server = SecureServer::start(OURS, &authority, identity, &["--tls-auth-clients", "no"]);
        if answers(&mut server.client(&client)) != *for_server {
            wrong.push(format!("a server's: {what}, expected {for_server}"));
        }
        // redis-cli asks OpenSSL.
        if !installed("redis-cli") {
            continue;
        }
        let (port, trusted) = (server.tls_port.to_string(), authority.file().display().to_string());
        let words = ["--tls", "--cacert", &trusted, "-p", &port, "PING"];
        let output = output_of(std::process::Command::new("redis-cli").args(words));
        if (String::from_utf8_lossy(&output.stdout).trim() == "PONG") != *for_server {
            wrong.push(format!("redis-cli, a server's: {what}, expected {for_server}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
