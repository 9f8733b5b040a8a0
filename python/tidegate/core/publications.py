"""What the control plane tells the gateways of an environment: one value, complete, that names everything by digest."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tidegate.core.names import VersionName
from tidegate.core.routes import versions_of
from tidegate.errors import ChangeRefused


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """Everything that gateways of one environment need; (incarnation, epoch) orders all there are of one registry."""

    instance: str
    """The registry that publishes."""
    incarnation: int
    epoch: int
    """The number of the last journal entry that it knows of."""
    routes: Mapping[str, Mapping[str, Any]]
    """As in a gateway document, by the id of the route."""
    versions: Mapping[str, Mapping[str, Any]]
    """Digests and settings of everything that is to be loaded, by `model/3`: what routes name, what they may go back to."""
    monitors: Mapping[str, Mapping[str, Any]]
    """As in a gateway document, by the id of the route."""

    @property
    def place(self) -> "Place":
        """Where it is among all publications."""
        return Place(instance=self.instance, incarnation=self.incarnation, epoch=self.epoch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a publication is among all there are."""

    instance: str
    incarnation: int
    """Raised when a registry is restored: what it publishes then comes after all that it published before."""
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """What of a publication is otherwise than in the one before: each part as it is now, None if it is gone."""

    routes: Mapping[str, Mapping[str, Any] | None]
    versions: Mapping[str, Mapping[str, Any] | None]
    monitors: Mapping[str, Mapping[str, Any] | None]

    def parts(self) -> "list[Amendment]":
        """The same in parts that do not depend on one another: a route each, with what belongs to it."""
        names = dict.fromkeys([*self.routes, *self.monitors])
        return [self._part(name) for name in names] + [replace(self, routes={}, monitors={})]

    def with_again(self, publication: Publication, versions: Collection[str]) -> "Amendment":
        """The same, and once more all of its publication that names some versions."""
        routes = {
            name: route for name, route in publication.routes.items() if not versions_of(route).isdisjoint(versions)
        }
        return Amendment(
            routes={**self.routes, **routes},
            versions={**self.versions, **_only(publication.versions, versions)},
            monitors={**self.monitors, **_only(publication.monitors, routes)},
        )

    def _part(self, name: str) -> "Amendment":
        route = self.routes.get(name)
        return Amendment(
            routes=_only(self.routes, [name]),
            versions=_only(self.versions, versions_of(route) if route is not None else ()),
            monitors=_only(self.monitors, [name]),
        )


def amendment_of(before: Publication, after: Publication) -> Amendment:
    """What changes from one publication to another."""
    return Amendment(
        routes=_changed(before.routes, after.routes),
        versions=_changed(before.versions, after.versions),
        monitors=_changed(before.monitors, after.monitors),
    )


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    # What has not changed is mostly the same object.
    changed = {name: part for name, part in after.items() if (known := before.get(name)) is not part and known != part}
    return {**changed, **dict.fromkeys(before.keys() - after.keys())}


def _only(parts: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: parts[name] for name in names if name in parts}


def check_order(known: Place | None, new: Place) -> None:
    """Whether a gateway that has obeyed one publication obeys another.

    Raises:
        ChangeRefused: The other one is older, or of another registry.
    """
    if known is None:
        return
    if known.instance != new.instance:
        raise ChangeRefused(
            f"This gateway serves registry {known.instance}, and registry {new.instance} publishes: if that is meant, "
            "start it once with --adopt.",
            reason="REGISTRY_UNKNOWN",
            known=known.instance,
            found=new.instance,
        )
    if (new.incarnation, new.epoch) < (known.incarnation, known.epoch):
        raise ChangeRefused(
            f"This gateway has obeyed epoch {known.epoch} of incarnation {known.incarnation}, and epoch {new.epoch} of "
            f"incarnation {new.incarnation} is older: a registry that was brought back has to be by `tidegate restore`.",
            reason="PUBLICATION_OLD",
        )


def document_of(publication: Publication, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The gateway document that a publication means for a gateway with some settings of its own."""
    return {**settings, **parts_of(publication)}


def parts_of(said: Publication | Amendment) -> dict[str, Any]:
    """The parts of a gateway document that a publication, or what has changed of one, means."""
    versions = {name: None if pinned is None else _settings_of(pinned) for name, pinned in said.versions.items()}
    return {"routes": said.routes, "versions": versions, "monitors": said.monitors}


def _settings_of(pinned: Mapping[str, Any]) -> dict[str, Any]:
    return {**pinned["settings"], "digest": pinned["files"], "profile_digest": pinned["profile"]}


def folder_of(version: str) -> str:
    """Where a gateway keeps the files of a version, under its repository."""
    name = VersionName.parse(version)
    return f"{name.model.model}/{name.number}"
