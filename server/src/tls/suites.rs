//! Protocol versions and cipher suites: translating OpenSSL's names to those of rustls.

use rustls::crypto::{CryptoProvider, ring};
use rustls::{CipherSuite, SupportedCipherSuite, SupportedProtocolVersion};

use crate::config::Config;

/// Suites of TLS 1.2 by OpenSSL's names.
const TLS12: [(&str, CipherSuite); 6] = [
    ("ECDHE-ECDSA-AES256-GCM-SHA384", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384),
    ("ECDHE-ECDSA-AES128-GCM-SHA256", CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256),
    ("ECDHE-ECDSA-CHACHA20-POLY1305", CipherSuite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256),
    ("ECDHE-RSA-AES256-GCM-SHA384", CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    ("ECDHE-RSA-AES128-GCM-SHA256", CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    ("ECDHE-RSA-CHACHA20-POLY1305", CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256),
];

/// Suites of TLS 1.3, whose names are the same everywhere.
const TLS13: [(&str, CipherSuite); 3] = [
    ("TLS_AES_256_GCM_SHA384", CipherSuite::TLS13_AES_256_GCM_SHA384),
    ("TLS_AES_128_GCM_SHA256", CipherSuite::TLS13_AES_128_GCM_SHA256),
    ("TLS_CHACHA20_POLY1305_SHA256", CipherSuite::TLS13_CHACHA20_POLY1305_SHA256),
];

/// Words of cipher strings that stand for all the suites that rustls has.
const ALL: [&str; 6] = ["DEFAULT", "ALL", "HIGH", "SECURE", "ECDHE", "EECDH"];

/// Parses `tls-protocols`.
///
/// # Errors
/// The text of a log line.
pub fn versions(text: &[u8]) -> Result<Vec<&'static SupportedProtocolVersion>, String> {
    if text.is_empty() {
        return Ok(vec![&rustls::version::TLS13, &rustls::version::TLS12]);
    }
    let mut found = Vec::new();
    for word in String::from_utf8_lossy(text).split(' ') {
        match word.to_ascii_lowercase().as_str() {
            "tlsv1.2" => found.push(&rustls::version::TLS12),
            "tlsv1.3" => found.push(&rustls::version::TLS13),
            "tlsv1" | "tlsv1.1" => {
                return Err(format!("tls-protocols: {word} is not supported, only TLSv1.2 and TLSv1.3 are"));
            }
            _ => {
                return Err("Invalid tls-protocols specified. Use a combination of 'TLSv1.2' and 'TLSv1.3'.".to_owned());
            }
        }
    }
    Ok(found)
}

/// The provider ring, restricted to the suites that `tls-ciphers` and `tls-ciphersuites` allow, preferred ones first.
///
/// # Errors
/// The text of a log line.
pub fn provider(config: &Config) -> Result<CryptoProvider, String> {
    let mut provider = ring::default_provider();
    let modern = match config.tls_ciphersuites.is_empty() {
        true => TLS13.map(|(_, suite)| suite).to_vec(),
        false => cipher_suites(&config.tls_ciphersuites.to_string_lossy())
            .map_err(|reason| format!("Failed to configure ciphersuites: {}: {reason}", config.tls_ciphersuites))?,
    };
    let older = match config.tls_ciphers.is_empty() {
        true => TLS12.map(|(_, suite)| suite).to_vec(),
        false => cipher_string(&config.tls_ciphers.to_string_lossy())
            .map_err(|reason| format!("Failed to configure ciphers: {}: {reason}", config.tls_ciphers))?,
    };
    let known = |suite: &CipherSuite| provider.cipher_suites.iter().find(|it| it.suite() == *suite).copied();
    let suites: Vec<SupportedCipherSuite> = modern.iter().chain(&older).filter_map(known).collect();
    provider.cipher_suites = suites;
    Ok(provider)
}

/// Parses a list of suites of TLS 1.3.
fn cipher_suites(text: &str) -> Result<Vec<CipherSuite>, String> {
    let words = text.split(':').filter(|word| !word.is_empty());
    let named = words.map(|word| {
        let suite = TLS13.iter().find(|(name, _)| *name == word).map(|(_, suite)| *suite);
        suite.ok_or_else(|| format!("{word} is not supported"))
    });
    named.collect()
}

/// Parses an OpenSSL cipher string as far as rustls supports it: names, groups and exclusions.
fn cipher_string(text: &str) -> Result<Vec<CipherSuite>, String> {
    let mut chosen: Vec<CipherSuite> = Vec::new();
    let mut banned: Vec<CipherSuite> = Vec::new();
    for word in text.split([':', ',', ' ']).filter(|word| !word.is_empty()) {
        if word.starts_with('@') {
            // `@STRENGTH` and the like: the order is fixed here, and there are no weak suites.
            continue;
        }
        let (sign, name) = match word.split_at(1) {
            (sign @ ("!" | "-" | "+"), name) => (sign, name),
            _ => ("", word),
        };
        let group = group(name);
        match sign {
            "!" => {
                chosen.retain(|suite| !group.contains(suite));
                banned.extend(group);
            }
            "-" => chosen.retain(|suite| !group.contains(suite)),
            "+" => {
                let (moved, stays): (Vec<_>, Vec<_>) = chosen.into_iter().partition(|suite| group.contains(suite));
                chosen = [stays, moved].concat();
            }
            _ if group.is_empty() => return Err(format!("{name} is not supported")),
            _ => {
                let new: Vec<_> =
                    group.into_iter().filter(|suite| !chosen.contains(suite) && !banned.contains(suite)).collect();
                chosen.extend(new);
            }
        }
    }
    if chosen.is_empty() { Err("no cipher is left".to_owned()) } else { Ok(chosen) }
}

/// The suites that a word stands for; `+` joins words that must all apply.
fn group(name: &str) -> Vec<CipherSuite> {
    let one = |word: &str, name: &str| {
        ALL.contains(&word)
            || match word {
                "AESGCM" => name.contains("AES"),
                "AES" => name.contains("AES"),
                "AES128" => name.contains("AES128"),
                "AES256" => name.contains("AES256"),
                "CHACHA20" => name.contains("CHACHA20"),
                "ECDSA" | "aECDSA" => name.contains("ECDSA"),
                "RSA" | "aRSA" => word == "aRSA" && name.contains("RSA") && !name.contains("ECDSA"),
                "kECDHE" | "kEECDH" | "TLSv1.2" => true,
                "SHA256" => name.ends_with("SHA256"),
                "SHA384" => name.ends_with("SHA384"),
                _ => word == name,
            }
    };
    let fits = |suite: &str| name.split('+').all(|word| one(word, suite));
    TLS12.iter().filter(|(suite, _)| fits(suite)).map(|(_, suite)| *suite).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cipher_string_chooses_among_what_there_is_and_says_what_is_not() {
        let names = |text: &str| -> Vec<&str> {
            let chosen = cipher_string(text).unwrap();
            chosen.iter().map(|suite| TLS12.iter().find(|(_, it)| it == suite).unwrap().0).collect()
        };
        assert_eq!(names("HIGH:!aNULL:!MD5").len(), 6);
        assert_eq!(names("DEFAULT:!CHACHA20:!AES128").len(), 2);
        assert_eq!(names("ECDHE-RSA-AES128-GCM-SHA256"), ["ECDHE-RSA-AES128-GCM-SHA256"]);
        assert_eq!(names("AESGCM+aRSA:+AES256"), ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384"]);
        for refused in ["AES128-SHA", "DEFAULT:ECDHE-RSA-AES256-SHA384", "nix", "!ALL", ""] {
            assert!(cipher_string(refused).is_err(), "{refused}");
        }
        assert_eq!(cipher_suites("TLS_AES_128_GCM_SHA256").unwrap().len(), 1);
        assert!(cipher_suites("TLS_AES_128_CCM_SHA256").is_err());
    }

    #[test]
    fn old_versions_are_refused() {
        assert_eq!(versions(b"").unwrap().len(), 2);
        assert_eq!(versions(b"tlsv1.2").unwrap().len(), 1);
        assert_eq!(versions(b"TLSv1.2 TLSv1.3").unwrap().len(), 2);
        assert!(versions(b"TLSv1.1 TLSv1.2").unwrap_err().contains("TLSv1.1"));
        assert!(versions(b"x").unwrap_err().starts_with("Invalid tls-protocols"));
    }
}
