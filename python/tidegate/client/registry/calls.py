"""Which calls of the admin API there are, by their paths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from tidegate.v1 import (
    alias_service_pb2,
    blob_pb2,
    blob_service_pb2,
    journal_service_pb2,
    model_pb2,
    model_service_pb2,
    monitor_service_pb2,
    principal_pb2,
    principal_service_pb2,
    registry_service_pb2,
    route_pb2,
    route_service_pb2,
    version_pb2,
    version_service_pb2,
)

ResponseT = TypeVar("ResponseT")


@dataclass(frozen=True, slots=True)
class Method(Generic[ResponseT]):
    """A call by its name, and how its answer is read."""

    name: str
    """Such as `RouteService/PlanRoute`."""
    read: Callable[[bytes], ResponseT]

    @property
    def path(self) -> str:
        """As HTTP/2 carries it."""
        return f"/tidegate.v1.{self.name}"


GET_MODEL = Method("ModelService/GetModel", model_pb2.Model.FromString)
LIST_MODELS = Method("ModelService/ListModels", model_service_pb2.ListModelsResponse.FromString)
UPDATE_MODEL = Method("ModelService/UpdateModel", model_pb2.Model.FromString)

GET_VERSION = Method("VersionService/GetVersion", version_pb2.Version.FromString)
LIST_VERSIONS = Method("VersionService/ListVersions", version_service_pb2.ListVersionsResponse.FromString)
REGISTER_VERSION = Method("VersionService/RegisterVersion", version_service_pb2.RegisterVersionResponse.FromString)
DIFF_VERSIONS = Method("VersionService/DiffVersions", version_service_pb2.DiffVersionsResponse.FromString)
QUARANTINE_VERSION = Method(
    "VersionService/QuarantineVersion", version_service_pb2.QuarantineVersionResponse.FromString
)
RELEASE_VERSION = Method("VersionService/ReleaseVersion", version_pb2.Version.FromString)
RETIRE_VERSION = Method("VersionService/RetireVersion", version_pb2.Version.FromString)

LIST_ALIASES = Method("AliasService/ListAliases", alias_service_pb2.ListAliasesResponse.FromString)
SET_ALIAS = Method("AliasService/SetAlias", alias_service_pb2.SetAliasResponse.FromString)
DELETE_ALIAS = Method("AliasService/DeleteAlias", alias_service_pb2.DeleteAliasResponse.FromString)

GET_ROUTE = Method("RouteService/GetRoute", route_pb2.Route.FromString)
LIST_ROUTES = Method("RouteService/ListRoutes", route_service_pb2.ListRoutesResponse.FromString)
PLAN_ROUTE = Method("RouteService/PlanRoute", route_pb2.Plan.FromString)
GET_PLAN = Method("RouteService/GetPlan", route_pb2.Plan.FromString)
APPLY_ROUTE = Method("RouteService/ApplyRoute", route_service_pb2.ApplyRouteResponse.FromString)
ROLLBACK_ROUTE = Method("RouteService/RollbackRoute", route_service_pb2.RollbackRouteResponse.FromString)
SWITCH_ROUTE = Method("RouteService/SwitchRoute", route_pb2.Route.FromString)
LIST_TENURES = Method("RouteService/ListTenures", route_service_pb2.ListTenuresResponse.FromString)

APPLY_MONITOR = Method("MonitorService/ApplyMonitor", monitor_service_pb2.ApplyMonitorResponse.FromString)

LIST_ENTRIES = Method("JournalService/ListEntries", journal_service_pb2.ListEntriesResponse.FromString)
VERIFY_JOURNAL = Method("JournalService/VerifyJournal", journal_service_pb2.VerifyJournalResponse.FromString)

LIST_PRINCIPALS = Method("PrincipalService/ListPrincipals", principal_service_pb2.ListPrincipalsResponse.FromString)
CREATE_TOKEN = Method("PrincipalService/CreateToken", principal_service_pb2.CreateTokenResponse.FromString)
REVOKE_TOKEN = Method("PrincipalService/RevokeToken", principal_pb2.Principal.FromString)

CHECK_BLOBS = Method("BlobService/CheckBlobs", blob_service_pb2.CheckBlobsResponse.FromString)
UPLOAD_BLOB = Method("BlobService/UploadBlob", blob_pb2.Blob.FromString)
DOWNLOAD_BLOB = Method("BlobService/DownloadBlob", blob_service_pb2.DownloadBlobResponse.FromString)

DOWNLOAD_BACKUP = Method("RegistryService/DownloadBackup", registry_service_pb2.DownloadBackupResponse.FromString)
COLLECT_GARBAGE = Method("RegistryService/CollectGarbage", registry_service_pb2.CollectGarbageResponse.FromString)
