"""`RegistryService`: the registry itself."""

from collections.abc import Iterator

from tidegate.api.artifacts import message_of
from tidegate.api.call import Call
from tidegate.blobs import Blobs
from tidegate.services import backup, garbage, journal
from tidegate.services.registry import Registry
from tidegate.v1 import registry_pb2
from tidegate.v1 import registry_service_pb2 as messages
from tidegate.v1.chunks import chunk_message

MOST_LISTED = 10_000
"""Blobs in one answer: more of them are counted, not named."""


class TheRegistry:
    """Answers for `tidegate.v1.RegistryService`."""

    def __init__(self, registry: Registry, blobs: Blobs) -> None:
        self._registry = registry
        self._blobs = blobs

    def get_registry(self, _call: Call, request: messages.GetRegistryRequest) -> registry_pb2.Registry:
        """Gets the registry."""
        end = journal.end(self._registry)
        message = registry_pb2.Registry(
            name=request.name,
            instance=end.instance,
            incarnation=end.incarnation,
            sequence=end.seq,
            last_hash=end.hash,
        )
        message.update_time.FromMicroseconds(end.time_us)
        return message

    def collect_garbage(self, call: Call, request: messages.CollectGarbageRequest) -> messages.CollectGarbageResponse:
        """Gives up bytes that no version needs, or says which those are."""
        if request.validate_only:
            found = garbage.find(self._registry, self._blobs)
        else:
            caller = call.caller(request, "garbage.collect", "blobs")
            found = garbage.collect(self._registry, self._blobs, caller)
        return messages.CollectGarbageResponse(
            blobs=[message_of(digest, size_bytes) for digest, size_bytes in found.blobs[:MOST_LISTED]],
            blob_count=len(found.blobs),
            size_bytes=found.size_bytes,
            missing=found.missing[:MOST_LISTED],
            cut_off_count=found.cut_off,
            cut_off_bytes=found.cut_off_bytes,
        )

    def download_backup(self, call: Call, request: messages.DownloadBackupRequest) -> Iterator[bytes]:
        """Gives out a copy of the database, in messages that are written already."""
        for chunk in backup.download(self._registry, call.caller(request, "registry.backup", "registry")):
            yield chunk_message(messages.DownloadBackupResponse, chunk)
