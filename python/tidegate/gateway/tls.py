"""TLS of the front in Python: grpcio asks before each handshake whether the files of the document have changed."""

import grpc

from tidegate import _native


def credentials_of(gateway: _native.Gateway) -> grpc.ServerCredentials | None:
    """Credentials that follow the files of `listen.tls`, which the gateway reads and judges; None in plain text."""
    first = gateway.tls()
    if first is None:
        return None
    last = first[0]

    def fetch() -> grpc.ServerCertificateConfiguration | None:
        nonlocal last
        now = gateway.tls()
        if now is None or now[0] == last:
            return None
        last = now[0]
        return _configuration(*now[1:])

    return grpc.dynamic_ssl_server_credentials(
        _configuration(*first[1:]),
        fetch,  # type: ignore[arg-type]  # None stands for no change; the stubs do not know
        require_client_authentication=first[3] is not None,
    )


def _configuration(certificate: bytes, key: bytes, client_ca: bytes | None) -> grpc.ServerCertificateConfiguration:
    return grpc.ssl_server_certificate_configuration([(key, certificate)], root_certificates=client_ca)
