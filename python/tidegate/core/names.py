"""The names of everything that is kept, fixed for ever, and the short references that people write.

A full name is a path of collections and ids: `projects/default/models/fraud/versions/3`. People leave out the project
`default` and write `fraud/3`, `fraud@champion` or `fraud@sha256:…`.
"""

import re
from dataclasses import dataclass
from typing import Self, TypeAlias

from tidegate.errors import NameRefused

DEFAULT = "default"
"""The project and the environment that names without one are in."""

# The rule of the gateway: an id is a folder's name, a metric's label and part of every answer.
_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}", re.ASCII)
_ID_RULE = "1 to 128 of A-Z, a-z, 0-9, '.', '_' and '-', not starting with '.'"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)
_MOST_QUOTED = 140
_SINGULAR = {"aliases": "alias", "entries": "entry"}


def check_id(text: str, what: str) -> str:
    """The text, if it may be the id of a model, a route, an alias, a project or an environment.

    Raises:
        NameRefused: It may not.
    """
    if not _ID.fullmatch(text):
        raise NameRefused(f"{_quote(text)} is no name of {what}: {_ID_RULE}")
    return text


def check_digest(text: str) -> str:
    """The text, if it is `sha256:` and 64 hexadecimal digits in lower case.

    Raises:
        NameRefused: It is not.
    """
    if not _DIGEST.fullmatch(text):
        raise NameRefused(f"{_quote(text)} is no digest: sha256: and 64 hexadecimal digits in lower case")
    return text


@dataclass(frozen=True, slots=True, order=True)
class ModelName:
    """A trained thing, in a project."""

    project: str
    model: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `projects/{p}/models/{m}`, or the id alone in the project `default`.

        Raises:
            NameRefused: It is neither.
        """
        if "/" not in text:
            return cls(DEFAULT, check_id(text, "a model"))
        project, model = _ids(text, ("projects", "models"), "a model")
        return cls(project, model)

    @property
    def short(self) -> str:
        """As people write it."""
        return self.model if self.project == DEFAULT else str(self)

    def version(self, number: int) -> "VersionName":
        """The name of one of its versions."""
        return VersionName(self, number)

    def alias(self, alias: str) -> str:
        """The full name of one of its aliases."""
        return f"{self}/aliases/{alias}"

    def __str__(self) -> str:
        return f"projects/{self.project}/models/{self.model}"


@dataclass(frozen=True, slots=True, order=True)
class VersionName:
    """One immutable release of a model."""

    model: ModelName
    number: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `projects/{p}/models/{m}/versions/{n}` or `{m}/{n}`.

        Raises:
            NameRefused: It is neither.
        """
        if text.count("/") == 1:
            model, number = text.split("/")
            return cls(ModelName(DEFAULT, check_id(model, "a model")), _number(number))
        project, model, number = _ids(text, ("projects", "models", "versions"), "a version")
        return cls(ModelName(project, model), _number(number))

    @property
    def short(self) -> str:
        """As people and gateways write it."""
        return f"{self.model.short}/{self.number}" if self.model.project == DEFAULT else str(self)

    def __str__(self) -> str:
        return f"{self.model}/versions/{self.number}"


@dataclass(frozen=True, slots=True, order=True)
class RouteName:
    """The public name that callers ask for, in an environment of a project."""

    project: str
    environment: str
    route: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `projects/{p}/environments/{e}/routes/{r}`, or the id alone.

        Raises:
            NameRefused: It is neither.
        """
        if "/" not in text:
            return cls(DEFAULT, DEFAULT, check_id(text, "a route"))
        return cls(*_ids(text, ("projects", "environments", "routes"), "a route"))

    @property
    def short(self) -> str:
        """As people write it."""
        return self.route if (self.project, self.environment) == (DEFAULT, DEFAULT) else str(self)

    def __str__(self) -> str:
        return f"projects/{self.project}/environments/{self.environment}/routes/{self.route}"


@dataclass(frozen=True, slots=True)
class ByNumber:
    """`model/3`."""

    version: VersionName


@dataclass(frozen=True, slots=True)
class ByAlias:
    """`model@alias`: whatever it points to when it is resolved."""

    model: ModelName
    alias: str


@dataclass(frozen=True, slots=True)
class ByDigest:
    """`model@sha256:…`."""

    model: ModelName
    digest: str


Reference: TypeAlias = ByNumber | ByAlias | ByDigest


def parse_reference(text: str) -> Reference:
    """Reads `model/3`, `model@alias` or `model@sha256:…`, with or without the project.

    Raises:
        NameRefused: It is none of them; a model alone is refused too, for no traffic may follow "the latest".
    """
    model, at, rest = text.rpartition("@")
    if at:
        # A digest has a colon and an alias has none.
        if ":" in rest:
            return ByDigest(ModelName.parse(model), check_digest(rest))
        return ByAlias(ModelName.parse(model), check_id(rest, "an alias"))
    if "/" not in text:
        raise NameRefused(
            f"{_quote(text)} names no version: write {_quote(text + '/3')} or an alias or a digest after @"
        )
    return ByNumber(VersionName.parse(text))


def project_of(text: str) -> str:
    """The id in `projects/{p}`.

    Raises:
        NameRefused: It is none.
    """
    return _ids(text, ("projects",), "a project")[0]


def environment_of(text: str) -> tuple[str, str]:
    """The project and the environment in `projects/{p}/environments/{e}`.

    Raises:
        NameRefused: It is none.
    """
    project, environment = _ids(text, ("projects", "environments"), "an environment")
    return project, environment


def alias_of(text: str) -> tuple[ModelName, str]:
    """The model and the alias in `projects/{p}/models/{m}/aliases/{a}`.

    Raises:
        NameRefused: It is none.
    """
    project, model, alias = _ids(text, ("projects", "models", "aliases"), "an alias")
    return ModelName(project, model), alias


def monitor_of(text: str) -> RouteName:
    """The route whose monitor `projects/{p}/environments/{e}/monitors/{r}` is.

    Raises:
        NameRefused: It is none.
    """
    return RouteName(*_ids(text, ("projects", "environments", "monitors"), "a monitor"))


def revision_of(text: str) -> tuple[RouteName, int]:
    """The route and the number in `projects/{p}/environments/{e}/routes/{r}/revisions/{n}`.

    Raises:
        NameRefused: It is none.
    """
    *route, number = _ids(text, ("projects", "environments", "routes", "revisions"), "a revision")
    return RouteName(*route), _number(number)


def plan_of(text: str) -> tuple[RouteName, str]:
    """The route and the id in `projects/{p}/environments/{e}/routes/{r}/plans/{id}`.

    Raises:
        NameRefused: It is none.
    """
    *route, plan = _ids(text, ("projects", "environments", "routes", "plans"), "a plan")
    return RouteName(*route), plan


def principal_of(text: str) -> str:
    """The id in `principals/{p}`.

    Raises:
        NameRefused: It is none.
    """
    return _ids(text, ("principals",), "a principal")[0]


def entry_of(text: str) -> int:
    """The number in `entries/{n}`.

    Raises:
        NameRefused: It is none.
    """
    return _number(_ids(text, ("entries",), "an entry")[0])


def blob_of(text: str) -> str:
    """The digest in `blobs/{digest}`.

    Raises:
        NameRefused: It is none.
    """
    collection, _, digest = text.partition("/")
    if collection != "blobs":
        raise NameRefused(f"{_quote(text)} is no name of bytes: write blobs/sha256:…")
    return check_digest(digest)


def _ids(text: str, collections: tuple[str, ...], what: str) -> tuple[str, ...]:
    parts = text.split("/")
    pattern = "/".join(f"{collection}/{{{_SINGULAR.get(collection, collection[:-1])}}}" for collection in collections)
    if len(parts) != 2 * len(collections) or tuple(parts[::2]) != collections:
        raise NameRefused(f"{_quote(text)} is no name of {what}: write {pattern}")
    return tuple(check_id(part, what) for part in parts[1::2])


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise NameRefused(f"{_quote(text)} is no number: a whole number from 1 on, without leading zeros")
    return int(text)


def _quote(text: str) -> str:
    return repr(text if len(text) <= _MOST_QUOTED else text[:_MOST_QUOTED] + "…")
