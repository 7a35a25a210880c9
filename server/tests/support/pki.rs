//! Authorities and certificates for tests, and clients that speak TLS.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::BufReader;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, date_time_ymd,
};
use rustls::{ClientConnection, StreamOwned};
use server::config::Config;
use server::config::values::TlsAuthClients;
use server::tls::Contexts;

use super::support::*;

/// A certificate and its key, as files.
#[derive(Clone, Debug)]
pub struct Identity {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// An authority with its certificate in a folder.
pub struct Authority {
    pub folder: tempfile::TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.crt"), issuer.pem()).unwrap();
        Self { folder, issuer }
    }

    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.crt")
    }

    /// A certificate without alternative names.
    pub fn issue(&self, name: &str) -> Identity {
        self.issue_with(name, |_| {})
    }

    pub fn issue_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        self.write(name, &certificate.pem(), &key)
    }

    /// A certificate signed by one that this authority has signed, with that one in its file.
    pub fn issue_below(
        &self,
        name: &str,
        between: impl FnOnce(&mut CertificateParams),
        leaf: impl FnOnce(&mut CertificateParams),
    ) -> Identity {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, format!("between {name} and the authority"));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        between(&mut params);
        let between = CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &self.issuer).unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        leaf(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &between).unwrap();
        self.write(name, &(certificate.pem() + &between.pem()), &key)
    }

    /// The authority itself, as a client or server.
    pub fn itself(&self) -> Identity {
        self.write("itself", &self.issuer.pem(), self.issuer.key())
    }

    fn write(&self, name: &str, certificate: &str, key: &KeyPair) -> Identity {
        let at = |end: &str| self.folder.path().join(format!("{name}.{end}"));
        std::fs::write(at("crt"), certificate).unwrap();
        std::fs::write(at("key"), key.serialize_pem()).unwrap();
        Identity { certificate: at("crt"), key: at("key") }
    }

    pub fn expired(&self, name: &str) -> Identity {
        self.issue_with(name, |params| {
            (params.not_before, params.not_after) = (date_time_ymd(2001, 1, 1), date_time_ymd(2002, 1, 1));
        })
    }

    pub fn only_for(&self, name: &str, purpose: ExtendedKeyUsagePurpose) -> Identity {
        self.issue_with(name, |params| params.extended_key_usages = vec![purpose])
    }

    /// Options of a server that is this identity and trusts this authority.
    pub fn options(&self, identity: &Identity, tls_port: u16) -> Vec<String> {
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        [
            ("--tls-port", tls_port.to_string()),
            ("--tls-cert-file", text(&identity.certificate)),
            ("--tls-key-file", text(&identity.key)),
            ("--tls-ca-cert-file", text(&self.file())),
        ]
        .into_iter()
        .flat_map(|(name, value)| [name.to_owned(), value])
        .collect()
    }

    /// What a client of this identity that trusts this authority goes by.
    pub fn contexts(&self, identity: &Identity) -> Contexts {
        let text = |path: &Path| path.to_str().unwrap().into();
        let config = Config {
            tls_cert_file: text(&identity.certificate),
            tls_key_file: text(&identity.key),
            tls_ca_cert_file: text(&self.file()),
            tls_auth_clients: TlsAuthClients::Yes,
            ..Config::default()
        };
        Contexts::load(&config).unwrap()
    }
}

pub type Secure = StreamOwned<ClientConnection, TcpStream>;

/// A client whose handshake is made with the first word.
pub fn connect(connection: ClientConnection, port: u16) -> Client<Secure> {
    let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.set_write_timeout(Some(DEADLINE)).unwrap();
    Client(BufReader::new(StreamOwned::new(connection, stream)))
}

/// A server with a port for each kind of client.
pub struct SecureServer {
    pub server: Server,
    pub folder: tempfile::TempDir,
    pub tls_port: u16,
}

impl SecureServer {
    pub fn start(program: &str, authority: &Authority, identity: &Identity, more: &[&str]) -> Self {
        let (folder, tls_port) = (tempfile::tempdir().unwrap(), free_port());
        let options = authority.options(identity, tls_port);
        let all: Vec<&str> = options.iter().map(String::as_str).chain(more.iter().copied()).collect();
        let server = Server::start(program, folder.path(), &all);
        Self { server, folder, tls_port }
    }

    pub fn client(&self, contexts: &Contexts) -> Client<Secure> {
        connect(contexts.connect().unwrap(), self.tls_port)
    }
}

/// Some clients of a server are to be refused at once, not after a while.
pub const SOON: Duration = Duration::from_secs(5);
