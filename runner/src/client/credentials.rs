//! What a client needs for a connection inside TLS: the authorities that it trusts, and the certificate that it shows.

use serde::{Deserialize, Serialize};
use server::config::Config;
use server::tls::Contexts;
use std::path::{Path, PathBuf};

/// The PEM files of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The certificates of the authorities that the client trusts.
    pub authority: PathBuf,
    /// The certificate that it shows to servers that ask for one.
    pub certificate: PathBuf,
    /// The private key of that certificate.
    pub key: PathBuf,
}

impl Credentials {
    /// Reads the files.
    ///
    /// # Errors
    /// A file is missing or damaged.
    pub fn contexts(&self) -> std::io::Result<Contexts> {
        let text = |path: &Path| path.to_string_lossy().as_ref().into();
        let config = Config {
            tls_cert_file: text(&self.certificate),
            tls_key_file: text(&self.key),
            tls_ca_cert_file: text(&self.authority),
            ..Config::default()
        };
        Contexts::load(&config).map_err(std::io::Error::other)
    }
}
