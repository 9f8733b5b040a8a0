//! Where the gateway listens and how its connections begin: the `listen` section.

use serde::Serialize;

use super::address::check_address;
use super::parse::{ON_OFF, path};
use super::walk::{Fields, Walk};

/// Where the gateway listens, as `host:port`, and how connections begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listen {
    pub grpc: String,
    pub http: String,
    /// How the gRPC port speaks TLS; plaintext without it.
    pub tls: Option<Tls>,
    /// Whether each gRPC connection begins with a PROXY header that names the caller.
    pub proxy_protocol: bool,
}

impl Default for Listen {
    fn default() -> Self {
        Self { grpc: "127.0.0.1:8001".to_owned(), http: "127.0.0.1:8002".to_owned(), tls: None, proxy_protocol: false }
    }
}

/// What the gRPC port needs for TLS: PEM files, relative to the folder of the document, that are read again when they
/// change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tls {
    /// The certificate, and after it those that lead to its issuer.
    pub cert_file: String,
    pub key_file: String,
    /// Who issues the certificates that callers have to show; `None` asks for none.
    pub client_ca_file: Option<String>,
}

pub(super) fn parse(walk: &mut Walk, root: &Fields<'_>, into: &mut Listen) {
    let fields = walk.section(root, "listen", &["grpc", "http", "tls", "proxy_protocol"]);
    for (name, into) in [("grpc", &mut into.grpc), ("http", &mut into.http)] {
        let Some((path, text)) = walk.text(&fields, name) else { continue };
        match check_address(text) {
            Ok(()) => text.clone_into(into),
            Err(reason) => walk.refuse(&path, reason),
        }
    }
    if into.grpc == into.http && !into.grpc.ends_with(":0") {
        let reason = format!("grpc and http cannot both listen on {}", into.grpc);
        walk.refuse(&fields.path, reason);
    }
    into.tls = tls(walk, &fields);
    walk.choice(&fields, "proxy_protocol", &ON_OFF, &mut into.proxy_protocol);
}

fn tls(walk: &mut Walk, listen: &Fields<'_>) -> Option<Tls> {
    listen.get("tls")?;
    let fields = walk.section(listen, "tls", &["cert_file", "key_file", "client_ca_file"]);
    walk.require(
        &fields,
        "cert_file",
        "is the PEM file of the certificate, with those that lead to its issuer after it",
    );
    walk.require(&fields, "key_file", "is the PEM file of the certificate's private key");
    let mut read = |name| {
        let mut file = String::new();
        path(walk, &fields, name, "file", &mut file);
        (!file.is_empty()).then_some(file)
    };
    let (cert_file, key_file, client_ca_file) = (read("cert_file"), read("key_file"), read("client_ca_file"));
    Some(Tls { cert_file: cert_file?, key_file: key_file?, client_ca_file })
}
