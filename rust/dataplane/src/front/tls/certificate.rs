//! What a certificate says of itself, and whether it may do what it is there for.

use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, KeyUsage};

const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const ANY_PURPOSE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37.0");

/// What people want to know of the certificate that callers see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub subject: String,
    pub issuer: String,
    pub not_after_ms: u64,
    /// SHA-256 of the certificate, in hex: what `openssl x509 -fingerprint -sha256` shows.
    pub fingerprint: String,
    /// Whether its key is one that clients of gRPC's own libraries do not take.
    pub is_ed25519: bool,
}

/// A certificate that was read, with the name that sentences call it by.
pub(super) struct Read {
    certificate: Certificate,
    name: String,
    pub(super) facts: Facts,
}

impl Read {
    /// Reads a certificate.
    ///
    /// # Errors
    /// A sentence: it is none.
    pub(super) fn new(der: &CertificateDer<'_>, name: String) -> Result<Self, String> {
        let certificate = Certificate::from_der(der).map_err(|error| format!("{name} is no X.509: {error}"))?;
        let content = certificate.tbs_certificate();
        let mut fingerprint = String::with_capacity(64);
        for byte in Sha256::digest(der) {
            let _ = write!(fingerprint, "{byte:02x}");
        }
        let facts = Facts {
            subject: content.subject().to_string(),
            issuer: content.issuer().to_string(),
            not_after_ms: content.validity().not_after.to_unix_duration().as_millis() as u64,
            fingerprint,
            is_ed25519: content.subject_public_key_info().algorithm.oid == ED25519,
        };
        Ok(Self { certificate, name, facts })
    }

    /// Why it does not hold now, if it does not.
    pub(super) fn untimely(&self, unix_ms: u64) -> Option<String> {
        let validity = self.certificate.tbs_certificate().validity();
        let from_ms = validity.not_before.to_unix_duration().as_millis() as u64;
        let (name, since, until) = (&self.name, validity.not_before, validity.not_after);
        if unix_ms < from_ms {
            Some(format!("{name} is not valid yet: it begins on {since}, by the clock of this machine"))
        } else if self.has_expired(unix_ms) {
            Some(format!("{name} has expired on {until}, by the clock of this machine"))
        } else {
            None
        }
    }

    pub(super) fn has_expired(&self, unix_ms: u64) -> bool {
        unix_ms > self.facts.not_after_ms
    }

    /// Why callers cannot take it for a server's, if they cannot. What an extension does not say is allowed.
    pub(super) fn unfit_for_servers(&self) -> Option<String> {
        let content = self.certificate.tbs_certificate();
        let name = &self.name;
        let usage = content.get_extension::<KeyUsage>();
        let purposes = content.get_extension::<ExtendedKeyUsage>();
        match (usage, purposes) {
            (Err(error), _) | (_, Err(error)) => Some(format!("{name} has extensions that cannot be read: {error}")),
            (Ok(Some((_, usage))), _) if !usage.digital_signature() => {
                Some(format!("{name} may not sign (its key usage lacks digitalSignature), which every handshake needs"))
            }
            (_, Ok(Some((_, purposes)))) if !purposes.0.iter().any(|oid| [SERVER_AUTH, ANY_PURPOSE].contains(oid)) => {
                Some(format!("{name} is not for servers (its extended key usage lacks serverAuth)"))
            }
            _ => None,
        }
    }

    /// Why it cannot vouch for others, if it cannot.
    pub(super) fn unfit_for_issuers(&self) -> Option<String> {
        let content = self.certificate.tbs_certificate();
        let name = &self.name;
        let constraints = content.get_extension::<BasicConstraints>();
        let usage = content.get_extension::<KeyUsage>();
        match (constraints, usage) {
            (Err(error), _) | (_, Err(error)) => Some(format!("{name} has extensions that cannot be read: {error}")),
            (Ok(Some((_, constraints))), Ok(usage)) if constraints.ca => match usage {
                Some((_, usage)) if !usage.key_cert_sign() => {
                    Some(format!("{name} may not issue certificates (its key usage lacks keyCertSign)"))
                }
                _ => None,
            },
            _ => Some(format!("{name} is no certificate authority (its basic constraints do not say CA)")),
        }
    }
}
