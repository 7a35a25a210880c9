//! TLS: turning the `tls-*` options into settings of rustls, and verifying certificates. Sockets are handled in `network/`.
//!
//! Background. Redis verifies that a peer's certificate leads to a trusted authority and ignores the names in it, and the
//! certificates that its users make with `openssl x509` are often X.509 version 1, which rustls's own verifier refuses. So
//! the verifier is ours (`chain.rs`), by OpenSSL's rules; signatures are checked by rustls's one provider, ring. What
//! OpenSSL can and rustls cannot do (TLS 1.1, CBC, parameters of Diffie-Hellman) is an error if the settings ask for it, and
//! never silently left out.
//!
//! Whenever an option changes, all settings are rebuilt; a connection keeps those it began with.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{IpAddr, Ipv4Addr, ServerName};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{
    ClientConfig, ClientConnection, ConfigBuilder, ConfigSide, ServerConfig, ServerConnection, WantsVerifier,
};

use crate::config::Config;
use crate::config::values::TlsAuthClients;

pub mod chain;
mod material;
mod sessions;
mod suites;
mod verifier;

use verifier::Verifier;

/// The settings for connections of clients, for those of nodes of the cluster, and for those that we open.
#[derive(Debug)]
pub struct Contexts {
    clients: Arc<ServerConfig>,
    nodes: Arc<ServerConfig>,
    outgoing: Arc<ClientConfig>,
}

/// Whether any option asks for TLS.
pub fn is_wanted(config: &Config) -> bool {
    config.tls_port != 0 || config.tls_replication || config.tls_cluster
}

impl Contexts {
    /// Reads certificates and keys, and builds the settings that the options describe.
    ///
    /// # Errors
    /// The text of a log line.
    pub fn load(config: &Config) -> Result<Self, String> {
        if config.tls_cert_file.is_empty() {
            return Err("No tls-cert-file configured!".to_owned());
        }
        if config.tls_key_file.is_empty() {
            return Err("No tls-key-file configured!".to_owned());
        }
        let without_authority = config.tls_ca_cert_file.is_empty() && config.tls_ca_cert_dir.is_empty();
        let verifies = config.tls_auth_clients != TlsAuthClients::No || config.tls_cluster || config.tls_replication;
        if without_authority && verifies {
            return Err("Either tls-ca-cert-file or tls-ca-cert-dir must be specified when tls-cluster, tls-replication or tls-auth-clients are enabled!".to_owned());
        }
        if !config.tls_dh_params_file.is_empty() {
            return Err("tls-dh-params-file is not supported: key exchanges use elliptic curves only".to_owned());
        }
        let provider = Arc::new(suites::provider(config)?);
        let ours =
            material::identity(&provider, &config.tls_cert_file, &config.tls_key_file, &config.tls_key_file_pass)?;
        let towards_servers = if config.tls_client_cert_file.is_empty() {
            Arc::clone(&ours)
        } else {
            let (certificate, key) = (&config.tls_client_cert_file, &config.tls_client_key_file);
            if key.is_empty() {
                return Err("No tls-client-key-file configured!".to_owned());
            }
            material::identity(&provider, certificate, key, &config.tls_client_key_file_pass)?
        };
        let trusted = Arc::new(material::authorities(config)?);
        let verifier = |mandatory| Arc::new(Verifier::new(&provider, Arc::clone(&trusted), mandatory));
        let clients = match config.tls_auth_clients {
            TlsAuthClients::No => None,
            TlsAuthClients::Optional => Some(verifier(false)),
            TlsAuthClients::Yes => Some(verifier(true)),
        };
        Ok(Self {
            clients: incoming(config, &provider, clients, &ours)?,
            nodes: incoming(config, &provider, Some(verifier(true)), &ours)?,
            outgoing: outgoing(config, &provider, verifier(true), towards_servers)?,
        })
    }

    /// Starts TLS on a connection that a client opened.
    ///
    /// # Errors
    /// An error of the provider, for instance a lack of randomness.
    pub fn accept_client(&self) -> Result<ServerConnection, rustls::Error> {
        ServerConnection::new(Arc::clone(&self.clients))
    }

    /// Starts TLS on a connection that a node of the cluster opened. The node has to present a certificate, whatever
    /// `tls-auth-clients` says.
    ///
    /// # Errors
    /// As [`Self::accept_client`].
    pub fn accept_node(&self) -> Result<ServerConnection, rustls::Error> {
        ServerConnection::new(Arc::clone(&self.nodes))
    }

    /// Starts TLS on a connection that we open.
    ///
    /// # Errors
    /// As [`Self::accept_client`].
    pub fn connect(&self) -> Result<ClientConnection, rustls::Error> {
        // No name is sent or verified, so any will do.
        let nobody = ServerName::IpAddress(IpAddr::V4(Ipv4Addr::from([127, 0, 0, 1])));
        ClientConnection::new(Arc::clone(&self.outgoing), nobody)
    }
}

fn versions<Side: ConfigSide>(
    config: &Config,
    builder: ConfigBuilder<Side, rustls::WantsVersions>,
) -> Result<ConfigBuilder<Side, WantsVerifier>, String> {
    let versions = suites::versions(&config.tls_protocols)?;
    builder
        .with_protocol_versions(&versions)
        .map_err(|error| format!("tls-protocols and the cipher suites do not fit together: {error}"))
}

fn incoming(
    config: &Config,
    provider: &Arc<CryptoProvider>,
    verifier: Option<Arc<Verifier>>,
    identity: &Arc<CertifiedKey>,
) -> Result<Arc<ServerConfig>, String> {
    let builder = versions(config, ServerConfig::builder_with_provider(Arc::clone(provider)))?;
    let builder = match verifier {
        Some(verifier) => builder.with_client_cert_verifier(verifier),
        None => builder.with_client_cert_verifier(WebPkiClientVerifier::no_client_auth()),
    };
    let mut built = builder.with_cert_resolver(Arc::new(SingleCertAndKey::from(Arc::clone(identity))));
    built.ignore_client_order = config.tls_prefer_server_ciphers;
    if config.tls_session_caching {
        built.session_storage =
            sessions::Cache::shared(config.tls_session_cache_size, config.tls_session_cache_timeout);
    } else {
        built.session_storage = Arc::new(NoServerSessionStorage {});
        built.send_tls13_tickets = 0;
    }
    Ok(Arc::new(built))
}

fn outgoing(
    config: &Config,
    provider: &Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
    identity: Arc<CertifiedKey>,
) -> Result<Arc<ClientConfig>, String> {
    let builder = versions(config, ClientConfig::builder_with_provider(Arc::clone(provider)))?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let mut built = builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
    built.enable_sni = false;
    built.resumption = Resumption::disabled();
    Ok(Arc::new(built))
}
