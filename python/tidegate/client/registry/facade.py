"""The registry as a caller has it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import grpc

from tidegate.client.registry import answers, calls, lists, reading, registering
from tidegate.client.registry.connection import Connection, new_request_id
from tidegate.client.registry.downloads import read
from tidegate.client.registry.names import alias_name, environment_of, model_name, route_name, short_name
from tidegate.client.registry.pieces import Content, pieces_of_model
from tidegate.client.retry import RetryPolicy
from tidegate.errors import InputRefused
from tidegate.v1 import alias_service_pb2 as aliases
from tidegate.v1 import journal_service_pb2 as journal
from tidegate.v1 import monitor_service_pb2 as monitors
from tidegate.v1 import principal_service_pb2 as principals
from tidegate.v1 import registry_service_pb2 as registries
from tidegate.v1 import route_service_pb2 as routes
from tidegate.v1 import version_service_pb2 as versions
from tidegate.v1.documents import fill_struct

_CHECK_S = 600.0
"""Longest check of a model, of the journal, or of everything that is kept."""


class Registry:
    """Calls one registry; safe to share between threads, not between processes.

    References to versions are `model/3`, `model@alias` or `model@sha256:…`. Errors are subclasses of
    :class:`tidegate.errors.RegistryError`. What could not be reached is tried again; no change is made twice by that.
    """

    def __init__(
        self,
        target: str,
        *,
        token: str | None = None,
        token_file: str | Path | None = None,
        timeout: float = 30.0,
        attempts: int = 5,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        """Prepare a connection; the first call opens it.

        Args:
            target: Such as `localhost:8003`.
            token: Of a principal, as `create_token` gave it.
            token_file: A file that has the token and nothing else.
            timeout: Seconds that a call may take, retries included.
            attempts: How often a registry is asked that does not answer; pauses between grow from 50 ms.
            credentials: Of grpc; needed for other machines.

        Raises:
            InputRefused: There is no token, or two, or it would cross a network in plain text.
        """
        if (token is None) is (token_file is None):
            raise InputRefused("Give a token or the file that has one.", reason="TOKEN_MISSING")
        said = token if token_file is None else Path(token_file).read_text(encoding="utf-8").strip()
        policy = RetryPolicy(attempts=attempts)
        self._connection = Connection(
            target, token=said or "", timeout_s=timeout, credentials=credentials, policy=policy
        )

    def __enter__(self) -> Self:
        """The registry itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self.close()

    def close(self) -> None:
        """Close the connection; calls that run are cancelled."""
        self._connection.close()

    def register(
        self,
        model: str,
        path: str | Path,
        *,
        external: str | Path | None = None,
        leave_out: Collection[str] = (),
        profile: Content | None = None,
        run: Content | None = None,
        metrics: Content | None = None,
        card: Content | None = None,
        datasets: Sequence[Content] = (),
        copies: Sequence[Path] = (),
        owner: str = "",
        contact: str = "",
        runbook: str = "",
        reason: str = "",
        progress: bool | None = None,
    ) -> answers.Registered:
        """Register files as a version, or find the version that has them, and attach what is said about it.

        Args:
            model: The name; it is made if it is new.
            path: An ONNX file, or a folder with `model.onnx`, its external data, and `.json` settings of processing.
            external: Beside an ONNX file, a folder with its external data.
            leave_out: Paths within a folder that are no part of the version.
            profile: The reference distributions, as `tidegate profiles build` writes them.
            run: The training run; a mapping is written as JSON.
            metrics: What an evaluation has measured: `{"values": {…}, "slices": {…}}`, or the values alone.
            card: A text for people, or a path.
            datasets: Snapshots of datasets.
            copies: Files whose bytes the datasets name as their copies.
            owner: Who answers for the model, if it is new.
            contact: How they are reached, if it is new.
            runbook: Where it says what to do, if it is new.
            reason: For the journal.
            progress: Show a bar on stderr if that is a terminal; by default where rich is installed.
        """
        evidence = registering.evidence(profile=profile, run=run, metrics=metrics, card=card, datasets=datasets)
        request = versions.RegisterVersionRequest(
            parent=model_name(model),
            owner=owner,
            contact=contact,
            runbook=runbook,
            reason=reason,
            request_id=new_request_id(),
        )
        return registering.register(
            self._connection,
            request,
            pieces_of_model(path, external, leave_out),
            evidence,
            copies=copies,
            progress=progress,
            timeout_s=_CHECK_S,
        )

    def show(self, ref: str) -> answers.Version:
        """Everything that is known of a version."""
        return reading.version(self._connection.ask(calls.GET_VERSION, versions.GetVersionRequest(name=ref)))

    def read(self, digest: str, *, limit: int = 64 << 20) -> bytes:
        """The bytes of a file or a piece of evidence; more than `limit` of them are refused."""
        return read(self._connection, digest, limit)

    def list_models(self, project: str = "default", *, limit: int = 1_000) -> list[answers.Model]:
        """Models in the order of their names."""
        return lists.models(self._connection, project, limit)

    def list_versions(self, model: str, *, limit: int = 1_000) -> list[answers.Version]:
        """Versions of a model, the newest first, without their files and evidence."""
        return lists.versions(self._connection, model, limit)

    def diff(self, old: str, new: str) -> answers.Difference:
        """What two versions differ in, seen from the first one."""
        request = versions.DiffVersionsRequest(name=old, other=new)
        return reading.difference(self._connection.ask(calls.DIFF_VERSIONS, request))

    def set_alias(self, alias: str, ref: str, *, reason: str = "", etag: str = "") -> answers.AliasSet:
        """Have an alias such as `fraud@champion` point to a version; routes keep what they serve."""
        request = aliases.SetAliasRequest(
            name=alias_name(alias), version=ref, reason=reason, etag=etag, request_id=new_request_id()
        )
        return reading.alias_set(self._connection.ask(calls.SET_ALIAS, request))

    def remove_alias(self, alias: str, *, reason: str = "", etag: str = "") -> str:
        """Have an alias point nowhere; returns the version that it pointed to."""
        request = aliases.DeleteAliasRequest(
            name=alias_name(alias), reason=reason, etag=etag, request_id=new_request_id()
        )
        return short_name(self._connection.ask(calls.DELETE_ALIAS, request).previous_version)

    def list_aliases(self, model: str, *, limit: int = 1_000) -> list[answers.Alias]:
        """Aliases of a model in the order of their names."""
        return lists.aliases(self._connection, model, limit)

    def quarantine(self, ref: str, *, reason: str = "", etag: str = "") -> answers.Quarantined:
        """Take a version out of every route at once; no route may name it until it is released."""
        request = versions.QuarantineVersionRequest(name=ref, reason=reason, etag=etag, request_id=new_request_id())
        return reading.quarantined(self._connection.ask(calls.QUARANTINE_VERSION, request))

    def release(self, ref: str, *, reason: str = "", etag: str = "") -> answers.Version:
        """Let routes name a version again that was quarantined or retired."""
        request = versions.ReleaseVersionRequest(name=ref, reason=reason, etag=etag, request_id=new_request_id())
        return reading.version(self._connection.ask(calls.RELEASE_VERSION, request))

    def retire(self, ref: str, *, reason: str = "", etag: str = "") -> answers.Version:
        """Say that nobody needs a version any more."""
        request = versions.RetireVersionRequest(name=ref, reason=reason, etag=etag, request_id=new_request_id())
        return reading.version(self._connection.ask(calls.RETIRE_VERSION, request))

    def route(self, name: str) -> answers.Route:
        """What a route is now."""
        return reading.route(self._connection.ask(calls.GET_ROUTE, routes.GetRouteRequest(name=route_name(name))))

    def list_routes(
        self, environment: str = "projects/default/environments/default", *, limit: int = 10_000
    ) -> list[answers.Route]:
        """Routes of an environment in the order of their names, without their documents."""
        return lists.routes(self._connection, environment, limit)

    def get_plan(self, plan: str) -> answers.Plan:
        """A plan by its name or its id, against what the route is now."""
        return reading.plan(self._connection.ask(calls.GET_PLAN, routes.GetPlanRequest(name=plan)))

    def plan(self, document: Mapping[str, Any]) -> answers.Plan:
        """Look at what a route's document would change, and keep that for an hour."""
        request = routes.PlanRouteRequest(
            parent=environment_of(str(document.get("route", ""))), request_id=new_request_id()
        )
        fill_struct(request.document, document)
        return reading.plan(self._connection.ask(calls.PLAN_ROUTE, request))

    def apply(
        self,
        plan: answers.Plan | str,
        *,
        reason: str = "",
        allow_breaking: bool = False,
        release_hold: bool = False,
    ) -> answers.Applied:
        """Make a planned change, if nothing has changed since; a plan may be given by its name or its id."""
        request = routes.ApplyRouteRequest(
            plan=plan if isinstance(plan, str) else plan.name, reason=reason, request_id=new_request_id()
        )
        request.allow_breaking, request.release_hold = allow_breaking, release_hold
        answer = self._connection.ask(calls.APPLY_ROUTE, request)
        return answers.Applied(route=reading.route(answer.route), has_changed=answer.changed)

    def rollback(self, route: str, to: int | None = None, *, reason: str = "", etag: str = "") -> answers.RolledBack:
        """Have a route be what it was, and hold it there; by default the last revision that has proven itself."""
        request = routes.RollbackRouteRequest(
            name=route_name(route), revision=to or 0, reason=reason, etag=etag, request_id=new_request_id()
        )
        return reading.rolled_back(self._connection.ask(calls.ROLLBACK_ROUTE, request))

    def switch(self, route: str, *, reason: str = "", release_hold: bool = False, etag: str = "") -> answers.Route:
        """Let what the segment `preview` was for a few answer all, in one step."""
        request = routes.SwitchRouteRequest(
            name=route_name(route), reason=reason, release_hold=release_hold, etag=etag, request_id=new_request_id()
        )
        return reading.route(self._connection.ask(calls.SWITCH_ROUTE, request))

    def history(self, route: str, at: dt.datetime | None = None, *, limit: int = 50) -> list[answers.Tenure]:
        """What a route was and from when to when, the newest first; with `at` what it was at that moment."""
        return lists.tenures(self._connection, route, at, limit)

    def watch(self, route: str, document: Mapping[str, Any], *, reason: str = "", etag: str = "") -> answers.Watched:
        """Watch a route for drift, as a document says that stands under `monitors.<route>` of a gateway's."""
        name = route_name(route).replace("/routes/", "/monitors/")
        request = monitors.ApplyMonitorRequest(name=name, reason=reason, etag=etag, request_id=new_request_id())
        # Present even when it says nothing: then every default counts.
        request.document.SetInParent()
        fill_struct(request.document, document)
        return reading.watched(self._connection.ask(calls.APPLY_MONITOR, request))

    def journal(self, *, resource: str = "", until: dt.datetime | None = None, limit: int = 50) -> list[answers.Entry]:
        """Who did what, the newest first: of everything, or of what has a full name."""
        return lists.entries(self._connection, resource, until, limit)

    def verify(self) -> answers.Verified:
        """Have the whole journal read, and hear where it breaks, if it does."""
        return reading.verified(
            self._connection.ask(calls.VERIFY_JOURNAL, journal.VerifyJournalRequest(), timeout_s=_CHECK_S)
        )

    def create_token(self, name: str, kind: Literal["person", "automation", "gateway"], *, reason: str = "") -> str:
        """Make a principal and get its token, which nobody can read again."""
        request = principals.CreateTokenRequest(
            principal_id=name, kind=kind.upper(), reason=reason, request_id=new_request_id()
        )
        return self._connection.ask(calls.CREATE_TOKEN, request).token

    def revoke_token(self, name: str, *, reason: str = "") -> answers.Principal:
        """Let a principal's token be nobody's, from now on."""
        request = principals.RevokeTokenRequest(name=f"principals/{name}", reason=reason, request_id=new_request_id())
        return reading.principal(self._connection.ask(calls.REVOKE_TOKEN, request))

    def list_principals(self, *, limit: int = 10_000) -> list[answers.Principal]:
        """Everybody who may ask, or might once, in the order of names."""
        return lists.principals(self._connection, limit)

    def garbage(self, *, dry_run: bool = True, reason: str = "") -> answers.Garbage:
        """Bytes that no version needs; given up unless it is a dry run."""
        request = registries.CollectGarbageRequest(
            name="registry", validate_only=dry_run, reason=reason, request_id=new_request_id()
        )
        return reading.garbage(self._connection.ask(calls.COLLECT_GARBAGE, request, timeout_s=_CHECK_S))

    def backup(self, path: str | Path, *, reason: str = "", timeout: float = 600.0) -> None:
        """Write a copy of the registry's database of one moment into a new file; bytes of artifacts are not in it."""
        request = registries.DownloadBackupRequest(name="registry", reason=reason)
        with Path(path).open("xb") as file:
            file.writelines(
                answer.chunk for answer in self._connection.receive(calls.DOWNLOAD_BACKUP, request, timeout_s=timeout)
            )
