//! The files of a port: when they change, and what is wrong with them.

use super::certificate::Read;
use super::{Identity, Pem};
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig};
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tidegate_core::document::{self, Violation};

/// Larger files are something else: the certificates of every public authority are a quarter of a MiB.
const LARGEST: u64 = 4 << 20;

// The fields of the document that name the files.
const CERT: &str = "listen.tls.cert_file";
const KEY: &str = "listen.tls.key_file";
const CLIENT_CA: &str = "listen.tls.client_ca_file";

/// Where certificate, key and authorities lie.
#[derive(Clone, Debug)]
pub struct Files {
    cert: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

/// What tells one content of the files from another, without reading: device, inode, size, and both times of each, by
/// what its path leads to at last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp(Vec<Option<[i64; 7]>>);

type Violations = Vec<Violation>;

impl Files {
    /// The files that a document names, relative to `base`.
    pub fn of(tls: &document::Tls, base: &Path) -> Self {
        let client_ca = tls.client_ca_file.as_ref().map(|path| base.join(path));
        Self { cert: base.join(&tls.cert_file), key: base.join(&tls.key_file), client_ca }
    }

    pub(super) fn client_ca(&self) -> Option<&Path> {
        self.client_ca.as_deref()
    }

    pub(super) fn stamp(&self) -> Stamp {
        let files = [Some(&self.cert), Some(&self.key), self.client_ca.as_ref()];
        let stamp = |path: &PathBuf| {
            let of = fs::metadata(path).ok()?;
            let (device, inode, size) = (of.dev() as i64, of.ino() as i64, of.size() as i64);
            Some([device, inode, size, of.mtime(), of.mtime_nsec(), of.ctime(), of.ctime_nsec()])
        };
        Stamp(files.into_iter().flatten().map(stamp).collect())
    }

    /// Reads everything.
    pub(super) fn read(&self, unix_ms: u64) -> Result<Identity, Violations> {
        let chain = content(CERT, &self.cert).and_then(|text| Ok((self.chain(&text, unix_ms)?, text)));
        let key = content(KEY, &self.key).and_then(|text| Ok((self.private_key(&text)?, text)));
        let authorities = self
            .client_ca
            .as_ref()
            .map(|path| content(CLIENT_CA, path).and_then(|text| Ok((authorities(path, &text, unix_ms)?, text))));
        let (chain, key, authorities) = match (chain, key, authorities.transpose()) {
            (Ok(chain), Ok(key), Ok(authorities)) => (chain, key, authorities),
            (chain, key, authorities) => {
                return Err([chain.err(), key.err(), authorities.err()].into_iter().flatten().flatten().collect());
            }
        };
        let (((certificates, facts), cert_pem), (key, key_pem)) = (chain, key);
        let (verifier, client_ca) = authorities.unzip();
        let pem = Pem { cert: cert_pem, key: key_pem, client_ca };
        let certified = certified(certificates, key)?;
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for TLS 1.2 and 1.3");
        let builder = match verifier {
            Some(verifier) => builder.with_client_cert_verifier(verifier),
            None => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(certified)));
        let mut speaking = |protocol: &[u8]| {
            config.alpn_protocols = vec![protocol.to_vec()];
            Arc::new(config.clone())
        };
        Ok(Identity { grpc: speaking(b"h2"), http: speaking(b"http/1.1"), certificate: facts, pem })
    }

    /// The certificate and those that lead to its issuer, with what the first says of itself.
    fn chain(&self, text: &[u8], unix_ms: u64) -> Result<(Vec<CertificateDer<'static>>, super::Facts), Violations> {
        let certificates = certificates(CERT, &self.cert, text)?;
        let (mut reasons, mut first) = (Vec::new(), None);
        for (index, der) in certificates.iter().enumerate() {
            let name = if index == 0 { "the certificate".to_owned() } else { format!("certificate {}", index + 1) };
            match Read::new(der, name) {
                Ok(read) => {
                    reasons.extend(read.untimely(unix_ms));
                    if index == 0 {
                        reasons.extend(read.unfit_for_servers());
                        first = Some(read.facts);
                    }
                }
                Err(reason) => reasons.push(reason),
            }
        }
        match first {
            Some(facts) if reasons.is_empty() => Ok((certificates, facts)),
            _ => Err(reasons.into_iter().map(|reason| at(CERT, &self.cert, &reason)).collect()),
        }
    }

    fn private_key(&self, text: &[u8]) -> Result<PrivateKeyDer<'static>, Violations> {
        PrivateKeyDer::from_pem_slice(text).map_err(|error| {
            let is_encrypted = text.windows(9).any(|part| part == b"ENCRYPTED");
            let reason = match error {
                _ if is_encrypted => {
                    "the key is encrypted, and nobody is there to give its passphrase: decrypt it with `openssl pkey`"
                        .to_owned()
                }
                pem::Error::NoItemsFound => {
                    "there is no private key in it: expected PEM that begins with -----BEGIN PRIVATE KEY-----"
                        .to_owned()
                }
                error => format!("is not PEM: {error}"),
            };
            vec![at(KEY, &self.key, &reason)]
        })
    }
}

/// Who judges the certificates of callers.
fn authorities(path: &Path, text: &[u8], unix_ms: u64) -> Result<Arc<dyn ClientCertVerifier>, Violations> {
    let (mut roots, mut reasons, mut late) = (RootCertStore::empty(), Vec::new(), Vec::new());
    let mut is_anyone_current = false;
    for (index, der) in certificates(CLIENT_CA, path, text)?.into_iter().enumerate() {
        let read = match Read::new(&der, format!("certificate {}", index + 1)) {
            Ok(read) => read,
            Err(reason) => {
                reasons.push(reason);
                continue;
            }
        };
        let untimely = read.untimely(unix_ms);
        is_anyone_current |= untimely.is_none();
        late.extend(untimely);
        match read.unfit_for_issuers() {
            Some(reason) => reasons.push(reason),
            // The last authority and the next one are how they are changed: what the next one issues begins with it.
            None if !read.has_expired(unix_ms) => reasons.extend(roots.add(der).err().map(|error| error.to_string())),
            None => {}
        }
    }
    if !is_anyone_current {
        reasons.append(&mut late);
    }
    if !reasons.is_empty() {
        return Err(reasons.into_iter().map(|reason| at(CLIENT_CA, path, &reason)).collect());
    }
    let provider = Arc::new(ring::default_provider());
    let built = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
    built.map_err(|error| vec![at(CLIENT_CA, path, &error.to_string())])
}

/// The certificate with its key, if they belong together.
fn certified(
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<CertifiedKey, Violations> {
    let refuse = |reason: String| vec![Violation { path: KEY.to_owned(), reason }];
    CertifiedKey::from_der(certificates, key, &ring::default_provider()).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => refuse("is not the key of the certificate in cert_file".to_owned()),
        error => {
            refuse(format!("cannot be used: {error}; keys are RSA of 2048 bits or more, ECDSA P-256, P-384 or Ed25519"))
        }
    })
}

fn certificates(field: &str, path: &Path, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, Violations> {
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let certificates = read.map_err(|error| vec![at(field, path, &format!("is not PEM: {error}"))])?;
    if certificates.is_empty() {
        let reason = "there is no certificate in it: expected PEM that begins with -----BEGIN CERTIFICATE-----";
        return Err(vec![at(field, path, reason)]);
    }
    Ok(certificates)
}

fn content(field: &str, path: &Path) -> Result<Vec<u8>, Violations> {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut text));
    match read {
        Err(error) => Err(vec![at(field, path, &format!("cannot be read: {error}"))]),
        Ok(_) if text.len() as u64 > LARGEST => {
            Err(vec![at(field, path, "is larger than 4 MiB, which no such file is")])
        }
        Ok(_) => Ok(text),
    }
}

fn at(field: &str, path: &Path, reason: &str) -> Violation {
    Violation { path: field.to_owned(), reason: format!("{}: {reason}", path.display()) }
}
