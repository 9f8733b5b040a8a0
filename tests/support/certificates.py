"""Certificates as an operator has them: an authority, what it issues, and PEM files of both."""

import datetime as dt
import ipaddress
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = dt.timedelta(days=1)


class Authority:
    """Signs what it is asked to sign."""

    def __init__(self, name: str = "An authority", *, begins: dt.timedelta = -DAY) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = x509.KeyUsage(*(flag in ("cert", "crl") for flag in _USAGES))
        builder = _builder(self._name, self._name, self._key, begins=begins, ends=30 * DAY)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.certificate = _pem(builder.add_extension(usage, critical=True).sign(self._key, hashes.SHA256()))

    def issue(
        self,
        name: str = "localhost",
        *,
        for_clients: bool = False,
        begins: dt.timedelta = -DAY,
        ends: dt.timedelta = 20 * DAY,
        key: Any = None,
    ) -> tuple[bytes, bytes]:
        """A certificate with its key, as PEM, for a server on this machine or for a client."""
        key = key or ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH if for_clients else ExtendedKeyUsageOID.SERVER_AUTH
        addresses = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        issued = (
            _builder(subject, self._name, key, begins=begins, ends=ends)
            .add_extension(x509.SubjectAlternativeName(addresses), critical=False)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        written = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return _pem(issued), written


_USAGES = ("signature", "commitment", "key", "data", "agreement", "cert", "crl", "encipher", "decipher")


def write(folder: Path, certificate: bytes, key: bytes, client_ca: bytes | None = None) -> dict[str, Any]:
    """Puts the files where they belong, as a deployment does it, and says how a document names them."""
    named = {
        "cert_file": ("tls.crt", certificate),
        "key_file": ("tls.key", key),
        "client_ca_file": ("ca.crt", client_ca),
    }
    fields = {}
    for field, (file, content) in named.items():
        if content is not None:
            (folder / f"{file}.new").write_bytes(content)
            (folder / f"{file}.new").replace(folder / file)
            fields[field] = str(folder / file)
    return fields


def _builder(
    subject: x509.Name, issuer: x509.Name, key: Any, *, begins: dt.timedelta, ends: dt.timedelta
) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)
