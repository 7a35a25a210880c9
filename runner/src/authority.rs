//! A certificate authority for one topology: it signs a certificate for the nodes and one for clients, and is forgotten.
//!
//! The authority's own key is never written down, so that nothing else can be signed in its name. The files live and die with
//! the topology's directory; `up --keep` keeps them with the data.

use crate::client::{Credentials, quote_word};
use crate::failure::{Doing, Outcome};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose,
};
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The files of a topology's certificates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificates {
    /// The folder that they are in.
    pub dir: PathBuf,
    /// The authorities of external nodes: our nodes trust them as well as the topology's own.
    #[serde(default)]
    pub others: Vec<PathBuf>,
}

impl Certificates {
    /// The certificates of a topology whose files are in `dir`.
    pub fn of(dir: &Path) -> Self {
        Self { dir: dir.join("tls"), others: Vec::new() }
    }

    /// The same, with nodes that also trust other authorities.
    #[must_use]
    pub fn trusting(mut self, others: Vec<PathBuf>) -> Self {
        self.others = others;
        self
    }

    /// The certificates of all authorities that the nodes trust, in one file.
    pub fn trusted(&self) -> PathBuf {
        match self.others.is_empty() {
            true => self.authority(),
            false => self.dir.join("trusted.crt"),
        }
    }

    pub fn authority(&self) -> PathBuf {
        self.dir.join("ca.crt")
    }

    /// Certificate and key of all nodes, with which they also call each other.
    pub fn node(&self) -> (PathBuf, PathBuf) {
        (self.dir.join("node.crt"), self.dir.join("node.key"))
    }

    /// Certificate and key of clients.
    pub fn client(&self) -> (PathBuf, PathBuf) {
        (self.dir.join("client.crt"), self.dir.join("client.key"))
    }

    /// Makes what is missing; `hosts` are the nodes' addresses and names.
    pub fn make(&self, hosts: &[String]) -> Outcome<()> {
        if self.client().1.exists() {
            return Ok(());
        }
        std::fs::create_dir_all(&self.dir).doing(|| format!("create {}", self.dir.display()))?;
        let doing = || "make certificates".to_owned();
        let mut params = CertificateParams::new(Vec::new()).doing(doing)?;
        let pair = KeyPair::generate().doing(doing)?;
        // OpenSSL looks for an authority by its name: two that are trusted side by side must not have the same one.
        let unique: String = pair.public_key_raw().iter().rev().take(8).map(|byte| format!("{byte:02x}")).collect();
        params.distinguished_name.push(DnType::CommonName, format!("runner's authority for one topology, {unique}"));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, pair).doing(doing)?;
        let both = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        write(&self.authority(), &issuer.pem(), 0o644)?;
        if !self.others.is_empty() {
            let mut trusted = issuer.pem();
            for other in &self.others {
                trusted.push('\n');
                trusted.push_str(&std::fs::read_to_string(other).doing(|| format!("read {}", other.display()))?);
            }
            write(&self.trusted(), &trusted, 0o644)?;
        }
        for (name, (certificate, key), hosts, purposes) in [
            ("node", self.node(), hosts, both),
            ("client", self.client(), &[][..], vec![ExtendedKeyUsagePurpose::ClientAuth]),
        ] {
            let mut params = CertificateParams::new(hosts).doing(doing)?;
            params.distinguished_name.push(DnType::CommonName, name);
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = purposes;
            let pair = KeyPair::generate().doing(doing)?;
            let signed = params.signed_by(&pair, &issuer).doing(doing)?;
            write(&certificate, &signed.pem(), 0o644)?;
            write(&key, &pair.serialize_pem(), 0o600)?;
        }
        Ok(())
    }

    /// What a client of the nodes begins with. Those of other people's nodes are trusted, too.
    pub fn credentials(&self) -> Credentials {
        let (certificate, key) = self.client();
        Credentials { authority: self.trusted(), certificate, key }
    }

    /// What the configuration of a node says about them.
    pub fn directives(&self) -> String {
        let quoted = |path: PathBuf| quote_word(&path.display().to_string());
        let (certificate, key) = self.node();
        format!(
            "tls-cert-file {}\ntls-key-file {}\ntls-ca-cert-file {}\ntls-replication yes\n",
            quoted(certificate),
            quoted(key),
            quoted(self.trusted())
        )
    }
}

fn write(path: &Path, text: &str, mode: u32) -> Outcome<()> {
    let doing = || format!("write {}", path.display());
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(path).doing(doing)?;
    file.write_all(text.as_bytes()).doing(doing)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_made_once_and_keys_are_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let certificates = Certificates::of(folder.path());
        certificates.make(&["127.0.0.1".into(), "localhost".into()]).unwrap();
        let first = std::fs::read(certificates.authority()).unwrap();
        certificates.make(&[]).unwrap();
        assert_eq!(std::fs::read(certificates.authority()).unwrap(), first);
        certificates.credentials().contexts().unwrap();
        for key in [certificates.node().1, certificates.client().1] {
            assert_eq!(std::fs::metadata(key).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
