"""`VersionService`: releases of models, and the states that they go through."""

from tidegate.api.call import Call
from tidegate.api.pages import page_of
from tidegate.api.values import fill_findings
from tidegate.api.versions_messages import dossier_message, evidence_of, file_of, version_message
from tidegate.blobs import Blobs
from tidegate.core.names import ByAlias, ByDigest, ByNumber, ModelName, parse_reference
from tidegate.services import quarantine, registration, versions
from tidegate.services.registration import Registration
from tidegate.services.registry import Registry
from tidegate.v1 import version_pb2
from tidegate.v1 import version_service_pb2 as messages

MOST_VERSIONS = 1_000


class Versions:
    """Answers for `tidegate.v1.VersionService`."""

    def __init__(self, registry: Registry, blobs: Blobs) -> None:
        self._registry = registry
        self._blobs = blobs

    def get_version(self, _call: Call, request: messages.GetVersionRequest) -> version_pb2.Version:
        """Gets a version with everything that is known of it."""
        return self._message(request.name)

    def list_versions(self, _call: Call, request: messages.ListVersionsRequest) -> messages.ListVersionsResponse:
        """Lists the versions of a model, the newest first."""
        page = page_of(request, most=MOST_VERSIONS, by_number=True)
        model = ModelName.parse(request.parent)
        found = versions.list_versions(self._registry, model, before=page.number, limit=page.size + 1)
        kept, token = page.cut(found, lambda version: version.name.number)
        return messages.ListVersionsResponse(
            versions=[version_message(version) for version in kept], next_page_token=token
        )

    def register_version(
        self, call: Call, request: messages.RegisterVersionRequest
    ) -> messages.RegisterVersionResponse:
        """Registers files that are uploaded as a version."""
        model = ModelName.parse(request.parent)
        receipt = registration.register(
            self._registry,
            self._blobs,
            call.caller(request, "versions.register", str(model)),
            Registration(
                model=model,
                files=tuple(file_of(file) for file in request.files),
                evidence=tuple(evidence_of(evidence) for evidence in request.evidence),
                owner=request.owner,
                contact=request.contact,
                runbook=request.runbook,
            ),
        )
        return messages.RegisterVersionResponse(
            version=self._message(str(model.version(receipt["version"]))),
            created=receipt["created"],
            attached=receipt["attached"],
        )

    def diff_versions(self, _call: Call, request: messages.DiffVersionsRequest) -> messages.DiffVersionsResponse:
        """Compares two versions, seen from the first one."""
        difference = versions.diff(self._registry, request.name, request.other)
        response = messages.DiffVersionsResponse()
        fill_findings(response.files, difference.files)
        fill_findings(response.signature, difference.signature)
        fill_findings(response.evidence, difference.evidence)
        return response

    def quarantine_version(
        self, call: Call, request: messages.QuarantineVersionRequest
    ) -> messages.QuarantineVersionResponse:
        """Takes a version out of every route at once."""
        caller = call.caller(request, "versions.quarantine", _subject(request.name))
        receipt = quarantine.quarantine(self._registry, caller, request.name, etag=request.etag)
        response = messages.QuarantineVersionResponse(version=self._message(receipt["version"]))
        for left in receipt["routes"]:
            response.routes.add(route=left["route"], revision=left["revision"], closed=left["is_closed"])
        return response

    def release_version(self, call: Call, request: messages.ReleaseVersionRequest) -> version_pb2.Version:
        """Lets routes name a version again."""
        caller = call.caller(request, "versions.release", _subject(request.name))
        return self._message(quarantine.release(self._registry, caller, request.name, etag=request.etag)["version"])

    def retire_version(self, call: Call, request: messages.RetireVersionRequest) -> version_pb2.Version:
        """Says that nobody needs a version any more."""
        caller = call.caller(request, "versions.retire", _subject(request.name))
        return self._message(quarantine.retire(self._registry, caller, request.name, etag=request.etag)["version"])

    def _message(self, reference: str) -> version_pb2.Version:
        dossier = versions.show(self._registry, reference)
        return dossier_message(dossier, quarantine.served_by(self._registry, dossier.version.name))


def _subject(reference: str) -> str:
    """What a reference is about, by full name: so it is entered into the journal if nothing else comes of it."""
    match parse_reference(reference):
        case ByNumber(version):
            return str(version)
        case ByAlias(model, alias):
            return model.alias(alias)
        case ByDigest(model, digest):
            return f"{model}@{digest}"
