"""What the control plane tells the gateways of an environment: one value, complete, that names everything by digest."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tidegate.core.names import VersionName
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
    versions = {
        name: {**pinned["settings"], "digest": pinned["files"], "profile_digest": pinned["profile"]}
        for name, pinned in publication.versions.items()
    }
    return {**settings, "routes": publication.routes, "versions": versions, "monitors": publication.monitors}


def folder_of(version: str) -> str:
    """Where a gateway keeps the files of a version, under its repository."""
    name = VersionName.parse(version)
    return f"{name.model.model}/{name.number}"
