//! Reading certificates and keys from PEM files.

use std::path::Path;
use std::sync::Arc;

use pkcs8::EncryptedPrivateKeyInfo;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};
use rustls::sign::CertifiedKey;
use x509_parser::pem::Pem;

use super::chain::Certificate;
use crate::config::Config;
use crate::config::file::os_text;
use crate::config::values::Text;

/// Reads a certificate, the intermediate ones between it and the authority, and its key.
///
/// # Errors
/// The text of a log line.
pub fn identity(
    provider: &CryptoProvider,
    certificate: &Text,
    key: &Text,
    password: &[u8],
) -> Result<Arc<CertifiedKey>, String> {
    let no_certificate = |reason: String| format!("Failed to load certificate: {certificate}: {reason}");
    let chain = certificates(&read(certificate.as_path()).map_err(no_certificate)?);
    let leaf = chain.first().ok_or_else(|| no_certificate("the file holds no certificate".to_owned()))?;
    let parsed = Certificate::read(leaf).ok_or_else(|| no_certificate("the certificate is damaged".to_owned()))?;
    let no_key = |reason: String| format!("Failed to load private key: {key}: {reason}");
    let pem = read(key.as_path()).map_err(no_key)?;
    let der = private_key(&pem, password).map_err(no_key)?;
    let signer = provider.key_provider.load_private_key(der).map_err(|error| no_key(error.to_string()))?;
    if signer.public_key().is_some_and(|ours| *ours != *parsed.key_info()) {
        return Err(no_key("the key is not the certificate's".to_owned()));
    }
    Ok(Arc::new(CertifiedKey::new(chain, signer)))
}

/// Reads the authorities that `tls-ca-cert-file` and `tls-ca-cert-dir` name.
///
/// # Errors
/// The text of a log line.
pub fn authorities(config: &Config) -> Result<Vec<CertificateDer<'static>>, String> {
    let (file, folder) = (&config.tls_ca_cert_file, &config.tls_ca_cert_dir);
    let mut found = Vec::new();
    if !file.is_empty() {
        let failed = |reason: String| format!("Failed to configure CA certificate(s) file: {file}: {reason}");
        found = certificates(&read(file.as_path()).map_err(failed)?);
        if found.is_empty() {
            return Err(failed("the file holds no certificate".to_owned()));
        }
    }
    if !folder.is_empty() {
        let failed = |reason| format!("Failed to configure CA certificate(s) directory: {folder}: {reason}");
        let entries = std::fs::read_dir(folder.as_path()).map_err(|error| failed(os_text(&error)))?;
        let named = entries.flatten().filter(|entry| is_hashed(&entry.file_name().to_string_lossy()));
        for path in named.map(|entry| entry.path()) {
            let pem = read(&path).map_err(|reason| failed(format!("{}: {reason}", path.display())))?;
            found.extend(certificates(&pem));
        }
    }
    Ok(found)
}

/// Whether a file has a name of the form that `openssl rehash` gives to certificates. OpenSSL ignores all others.
fn is_hashed(name: &str) -> bool {
    let Some((hash, number)) = name.split_once('.') else { return false };
    let digits = |text: &str, kind: fn(&u8) -> bool| !text.is_empty() && text.bytes().all(|byte| kind(&byte));
    hash.len() == 8 && digits(hash, u8::is_ascii_hexdigit) && digits(number, u8::is_ascii_digit)
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| os_text(&error))
}

fn certificates(pem: &[u8]) -> Vec<CertificateDer<'static>> {
    let sections = Pem::iter_from_buffer(pem).map_while(Result::ok);
    let kinds = ["CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"];
    sections.filter(|pem| kinds.contains(&pem.label.as_str())).map(|pem| pem.contents.into()).collect()
}

/// Reads the first private key in a file.
fn private_key(pem: &[u8], password: &[u8]) -> Result<PrivateKeyDer<'static>, String> {
    if memchr::memmem::find(pem, b"Proc-Type: 4,ENCRYPTED").is_some() {
        return Err(
            "keys encrypted in the old PEM format are not supported: convert it with `openssl pkcs8 -topk8`".to_owned()
        );
    }
    for section in Pem::iter_from_buffer(pem).map_while(Result::ok) {
        let der = section.contents;
        return Ok(match section.label.as_str() {
            "PRIVATE KEY" => PrivatePkcs8KeyDer::from(der).into(),
            "RSA PRIVATE KEY" => PrivatePkcs1KeyDer::from(der).into(),
            "EC PRIVATE KEY" => PrivateSec1KeyDer::from(der).into(),
            "ENCRYPTED PRIVATE KEY" => PrivatePkcs8KeyDer::from(decrypt(&der, password)?).into(),
            _ => continue,
        });
    }
    Err("the file holds no private key".to_owned())
}

fn decrypt(der: &[u8], password: &[u8]) -> Result<Vec<u8>, String> {
    if password.is_empty() {
        return Err("the key is encrypted, and no password is configured".to_owned());
    }
    let encrypted = EncryptedPrivateKeyInfo::try_from(der).map_err(|error| format!("the key is damaged: {error}"))?;
    let plain = encrypted.decrypt(password).map_err(|error| format!("the key cannot be decrypted: {error}"))?;
    Ok(plain.as_bytes().to_vec())
}
