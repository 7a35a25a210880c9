//! Whether a certificate leads to a trusted authority, by OpenSSL's rules.
//!
//! Background. webpki, rustls's verifier, refuses what Redis's users have: certificates of version 1, and a self-signed
//! certificate that is authority and server in one. OpenSSL's rules, which are kept here: a chain ends in a self-issued
//! certificate among the trusted ones; every certificate on it is valid now, is signed by the next, has no critical
//! extension that is not understood, and may be used for the purpose (key usage and extended key usage, of authorities too);
//! all but the first are authorities. Name constraints are not understood, so certificates that carry them are refused.
//!
//! The search is bounded: a peer may send many certificates, and verifying each signature costs time.

use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm};
use rustls::{CertificateError, ExtendedKeyPurpose};
use x509_parser::asn1_rs::{Any, FromDer};
use x509_parser::certificate::{BasicExtension, X509Certificate};
use x509_parser::extensions::ParsedExtension;
use x509_parser::x509::X509Version;

/// The longest chain, including the peer's own certificate.
const LONGEST: usize = 10;
/// The most signatures that one search verifies.
const BUDGET: u32 = 40;

/// The role in which a peer presents its certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It opened the connection.
    Client,
    /// It accepted the connection.
    Server,
}

/// A parsed certificate.
pub struct Certificate<'a> {
    der: &'a [u8],
    parsed: X509Certificate<'a>,
    /// The contents of the signature's `AlgorithmIdentifier`.
    signature_algorithm: &'a [u8],
    /// The contents of the key's `AlgorithmIdentifier`.
    key_algorithm: &'a [u8],
    /// The bits of the public key.
    key: &'a [u8],
}

/// The first `N` elements of a DER sequence.
fn sequence<const N: usize>(der: &[u8]) -> Option<[Any<'_>; N]> {
    let (_, outer) = Any::from_der(der).ok()?;
    let mut rest = outer.data;
    let mut found = Vec::with_capacity(N);
    for _ in 0..N {
        let (behind, element) = Any::from_der(rest).ok()?;
        rest = behind;
        found.push(element);
    }
    found.try_into().ok()
}

impl<'a> Certificate<'a> {
    /// Parses a certificate; `None` if it is invalid or something follows it.
    pub fn read(der: &'a [u8]) -> Option<Self> {
        let (rest, parsed) = X509Certificate::from_der(der).ok()?;
        let [_, signature_algorithm, _] = sequence(der)?;
        let [key_algorithm, bits] = sequence(parsed.tbs_certificate.subject_pki.raw)?;
        // The first byte of a bit string counts the unused bits of its last byte, which a key does not have.
        let (0, key) = bits.data.split_first()? else { return None };
        let whole = rest.is_empty();
        let (signature_algorithm, key_algorithm) = (signature_algorithm.data, key_algorithm.data);
        whole.then_some(Self { der, parsed, signature_algorithm, key_algorithm, key })
    }

    /// The public key as `SubjectPublicKeyInfo`.
    pub fn key_info(&self) -> &'a [u8] {
        self.parsed.tbs_certificate.subject_pki.raw
    }

    /// Whether a signature over `message` was made with the key, by one of these algorithms.
    pub fn has_signed(
        &self,
        message: &[u8],
        signature: &[u8],
        mut algorithms: impl Iterator<Item = &'static dyn SignatureVerificationAlgorithm>,
    ) -> bool {
        algorithms.any(|algorithm| {
            algorithm.public_key_alg_id().as_ref() == self.key_algorithm
                && algorithm.verify_signature(self.key, message, signature).is_ok()
        })
    }

    fn subject(&self) -> &[u8] {
        self.parsed.subject().as_raw()
    }

    fn issuer(&self) -> &[u8] {
        self.parsed.issuer().as_raw()
    }

    fn is_self_issued(&self) -> bool {
        self.subject() == self.issuer()
    }

    /// Whether this is an authority's certificate; if so, how many other authorities may stand between it and a peer.
    fn authority(&self) -> Option<Option<u32>> {
        match self.parsed.basic_constraints() {
            Ok(Some(BasicExtension { value, .. })) => value.ca.then_some(value.path_len_constraint),
            Ok(None) => {
                let signs = matches!(self.parsed.key_usage(), Ok(Some(usage)) if usage.value.key_cert_sign());
                let old_root = self.parsed.version() == X509Version::V1 && self.is_self_issued();
                (signs || old_root).then_some(None)
            }
            Err(_) => None,
        }
    }

    /// Checks the validity period and permitted uses of this certificate alone, regardless of who signed it.
    fn check(&self, purpose: Purpose, below: u32, now: i64) -> Result<(), CertificateError> {
        let validity = self.parsed.validity();
        if now < validity.not_before.timestamp() {
            return Err(CertificateError::NotValidYet);
        }
        if now > validity.not_after.timestamp() {
            return Err(CertificateError::Expired);
        }
        for extension in self.parsed.extensions() {
            let understood = match extension.parsed_extension() {
                ParsedExtension::NameConstraints(_) => return Err(CertificateError::UnhandledCriticalExtension),
                ParsedExtension::BasicConstraints(_)
                | ParsedExtension::KeyUsage(_)
                | ParsedExtension::ExtendedKeyUsage(_)
                | ParsedExtension::SubjectAlternativeName(_)
                | ParsedExtension::IssuerAlternativeName(_)
                | ParsedExtension::SubjectKeyIdentifier(_)
                | ParsedExtension::AuthorityKeyIdentifier(_)
                | ParsedExtension::CertificatePolicies(_)
                | ParsedExtension::CRLDistributionPoints(_) => true,
                _ => false,
            };
            if extension.critical && !understood {
                return Err(CertificateError::UnhandledCriticalExtension);
            }
        }
        let refused = || {
            let required = match purpose {
                Purpose::Client => ExtendedKeyPurpose::ClientAuth,
                Purpose::Server => ExtendedKeyPurpose::ServerAuth,
            };
            CertificateError::InvalidPurposeContext { required, presented: Vec::new() }
        };
        if let Some(usage) = self.parsed.extended_key_usage().map_err(|_| CertificateError::BadEncoding)? {
            let fits = match purpose {
                Purpose::Client => usage.value.client_auth,
                Purpose::Server => usage.value.server_auth,
            };
            if !fits {
                return Err(refused());
            }
        }
        let usage = self.parsed.key_usage().map_err(|_| CertificateError::BadEncoding)?.map(|usage| usage.value);
        if below == 0 {
            let fits = usage.is_none_or(|usage| match purpose {
                Purpose::Client => usage.digital_signature() || usage.key_agreement(),
                Purpose::Server => usage.digital_signature() || usage.key_encipherment() || usage.key_agreement(),
            });
            return if fits { Ok(()) } else { Err(refused()) };
        }
        if usage.is_some_and(|usage| !usage.key_cert_sign()) {
            return Err(refused());
        }
        match self.authority() {
            Some(longest) if longest.is_none_or(|longest| below - 1 <= longest) => Ok(()),
            _ => Err(CertificateError::UnknownIssuer),
        }
    }
}

/// A search for a chain.
pub struct Search<'a> {
    /// The trusted certificates.
    pub trusted: &'a [CertificateDer<'static>],
    /// What the peer sent besides its own certificate.
    pub presented: &'a [CertificateDer<'a>],
    /// What the certificate is for.
    pub purpose: Purpose,
    /// The present, in Unix seconds.
    pub now: i64,
    /// The accepted signature algorithms.
    pub algorithms: &'a [&'static dyn SignatureVerificationAlgorithm],
}

impl Search<'_> {
    /// Looks for a chain from a peer's certificate to a trusted one.
    ///
    /// # Errors
    /// Why there is none, according to the attempt that got furthest.
    pub fn run(&self, leaf: &[u8]) -> Result<(), CertificateError> {
        let leaf = Certificate::read(leaf).ok_or(CertificateError::BadEncoding)?;
        let mut budget = BUDGET;
        self.extend(&mut vec![leaf.der], &leaf, &mut budget)
    }

    /// Searches for the rest of a chain that so far ends in `certificate`.
    fn extend<'c>(
        &'c self,
        chain: &mut Vec<&'c [u8]>,
        certificate: &Certificate<'c>,
        budget: &mut u32,
    ) -> Result<(), CertificateError> {
        let below = chain.len() as u32 - 1;
        let is_trusted = self.trusted.iter().any(|trusted| **trusted == *certificate.der);
        if certificate.is_self_issued() && is_trusted {
            return certificate.check(self.purpose, below, self.now);
        }
        let mut error = CertificateError::UnknownIssuer;
        let candidates = self.trusted.iter().map(|it| &**it).chain(self.presented.iter().map(|it| &**it));
        for der in candidates {
            if chain.len() == LONGEST || chain.contains(&der) {
                continue;
            }
            let Some(issuer) = Certificate::read(der) else { continue };
            if issuer.subject() != certificate.issuer() {
                continue;
            }
            if *budget == 0 {
                return Err(error);
            }
            *budget -= 1;
            let attempt = if !self.is_signed_by(certificate, &issuer) {
                Err(CertificateError::BadSignature)
            } else {
                chain.push(der);
                let rest = self.extend(chain, &issuer, budget);
                chain.pop();
                rest
            };
            match attempt {
                Ok(()) => return certificate.check(self.purpose, below, self.now),
                Err(reason) if error == CertificateError::UnknownIssuer => error = reason,
                Err(_) => {}
            }
        }
        Err(error)
    }

    fn is_signed_by(&self, certificate: &Certificate<'_>, issuer: &Certificate<'_>) -> bool {
        let message = certificate.parsed.tbs_certificate.as_ref();
        let signature = &certificate.parsed.signature_value.data;
        let algorithms = self.algorithms.iter().copied();
        let fitting = algorithms.filter(|it| it.signature_alg_id().as_ref() == certificate.signature_algorithm);
        issuer.has_signed(message, signature, fitting)
    }
}
