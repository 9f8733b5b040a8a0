"""What is asked of the registry from outside: `tidegate.v1` over gRPC, one servicer a subject."""

from tidegate.api.server import AdminServer, TlsFiles

__all__ = ["AdminServer", "TlsFiles"]
