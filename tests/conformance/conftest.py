"""Stock clients of the shared gateway."""

from collections.abc import Iterator

import grpc
import pytest
import tritonclient.grpc as triton_grpc

from support.calls import channel_to
from support.gateway import Gateway


@pytest.fixture(scope="session")
def channel(gateway: Gateway) -> Iterator[grpc.Channel]:
    """A channel of stock grpcio, for our own messages."""
    with channel_to(gateway) as opened:
        yield opened


@pytest.fixture(scope="session")
def triton(gateway: Gateway) -> Iterator[triton_grpc.InferenceServerClient]:
    """The client that Triton's users have."""
    with triton_grpc.InferenceServerClient(gateway.grpc_address) as client:
        yield client
