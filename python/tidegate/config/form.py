"""The form of a gateway document, for editors and for the first look: which fields there are and what type they have.

No field has a default here and no number a bound: what a document means, the native core says alone.
"""

import difflib
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    Tag,
    ValidationError,
)
from pydantic_core import ErrorDetails

from tidegate.core.paths import extend_path
from tidegate.errors import DocumentViolation

# The two forms of `pins`; pydantic names them in its paths, where a document has nothing.
_WORD, _CONDITION = "(a word)", "(a condition)"


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_word(value: object) -> object:
    """YAML 1.1 reads the words on and off as booleans."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


def _as_mapping(value: object) -> object:
    """`batching: off` says the mode alone."""
    return {"mode": value} if isinstance(value, bool | str) else value


def _as_provider(value: object) -> object:
    """A provider that is told nothing is its name."""
    return {"name": value} if isinstance(value, str) else value


def _which_pins(value: object) -> str:
    """`pins: allow` is a word, `pins: {when: …}` a condition."""
    return _CONDITION if isinstance(value, dict | PinsWhen) else _WORD


class Tls(_Form):
    """The files of TLS, in PEM."""

    cert_file: StrictStr
    key_file: StrictStr
    client_ca_file: StrictStr | None = None


class Listen(_Form):
    """Where the gateway listens, as host:port, and how connections begin."""

    grpc: StrictStr | None = None
    http: StrictStr | None = None
    tls: Tls | None = None
    proxy_protocol: StrictBool | Literal["on", "off"] | None = None


class Key(_Form):
    """Who may ask, and for what."""

    sha256: StrictStr
    routes: Literal["all"] | list[StrictStr]


class Batching(_Form):
    """How requests share a run."""

    mode: Annotated[Literal["auto", "on", "off"] | None, BeforeValidator(_as_word)] = None
    max: StrictInt | None = None
    max_delay_us: StrictInt | None = None


class Queue(_Form):
    """What may wait for a version."""

    requests: StrictInt | None = None
    mib: StrictInt | None = None
    priority_levels: StrictInt | None = None
    default_priority: StrictInt | None = None


class Provider(_Form):
    """What operators run on, and what it is told."""

    name: StrictStr
    options: dict[str, StrictStr | StrictInt | StrictBool] | None = None


class Arena(_Form):
    """How the runtime keeps the memory of a version's runs."""

    enabled: StrictBool | Literal["on", "off"] | None = None
    pattern: StrictBool | Literal["on", "off"] | None = None
    shrink: StrictBool | Literal["on", "off"] | None = None


class Version(_Form):
    """How one version runs."""

    digest: StrictStr | None = None
    profile_digest: StrictStr | None = None
    batching: Annotated[Batching | None, BeforeValidator(_as_mapping)] = None
    instances: StrictInt | None = None
    intra_op_threads: StrictInt | None = None
    queue: Queue | None = None
    providers: list[Annotated[Provider, BeforeValidator(_as_provider)]] | None = None
    arena: Arena | None = None


class Segment(_Form):
    """Who is sent to a split of its own."""

    name: StrictStr
    when: StrictStr
    split: dict[str, StrictInt]
    stable: StrictStr | None = None
    salt: StrictStr | None = None
    ranges: list[tuple[StrictInt, StrictInt, StrictStr]] | None = None


class PinsWhen(_Form):
    """Which callers may name the version that answers."""

    when: StrictStr


class Shadow(_Form):
    """Which version gets copies of requests, and how many."""

    to: StrictStr
    share_bp: StrictInt | None = None
    max_in_flight: StrictInt | None = None
    max_mib: StrictInt | None = None
    when: StrictStr | None = None
    timeout_ms: StrictInt | None = None
    salt: StrictStr | None = None


class Decision(_Form):
    """What an answer decides."""

    output: StrictStr
    threshold: StrictFloat


class Route(_Form):
    """The policy behind one public name."""

    sticky: StrictStr | None = None
    split: dict[str, StrictInt]
    stable: StrictStr | None = None
    salt: StrictStr | None = None
    segments: list[Segment] | None = None
    pins: (
        Annotated[
            Annotated[Literal["allow", "deny"], Tag(_WORD)] | Annotated[PinsWhen, Tag(_CONDITION)],
            Discriminator(_which_pins),
        ]
        | None
    ) = None
    shadow: list[Shadow] | None = None
    decision: Decision | None = None
    timeout_ms: StrictInt | None = None
    ranges: list[tuple[StrictInt, StrictInt, StrictStr]] | None = None


class MonitoredFeature(_Form):
    """What a monitor says about one feature."""

    weight: StrictFloat | StrictInt | None = None


class Observe(_Form):
    """How requests are counted."""

    clock: StrictStr | None = None


class Monitor(_Form):
    """What is watched for drift on a route, and when somebody is told."""

    windows: list[Literal["1m", "1h", "1d", "1mo"]] | None = None
    tolerate_psi: StrictFloat | StrictInt | None = None
    pages: StrictStr | None = None
    list_fdr: StrictFloat | StrictInt | None = None
    features: dict[str, MonitoredFeature | None] | None = None
    memory_mib: StrictInt | None = None
    observe: Observe | None = None
    gate: Literal["observe", "flag", "reject"] | None = None


class Limits(_Form):
    """What the gateway takes before it refuses."""

    message_mib: StrictInt | None = None
    in_flight_mib: StrictInt | None = None
    connections: StrictInt | None = None
    streams_per_connection: StrictInt | None = None
    header_list_kib: StrictInt | None = None
    handshake_timeout_ms: StrictInt | None = None
    idle_body_timeout_ms: StrictInt | None = None
    max_connection_age_ms: StrictInt | None = None
    keepalive_ms: StrictInt | None = None
    keepalive_timeout_ms: StrictInt | None = None


class Threads(_Form):
    """How many threads there are."""

    front: StrictInt | None = None
    compute: StrictInt | None = None
    load: StrictInt | None = None


class Log(_Form):
    """How the gateway speaks of itself."""

    format: Literal["text", "json"] | None = None
    level: Literal["debug", "info", "warning", "error"] | None = None


class DocumentForm(_Form):
    """What a gateway document may hold; `DocumentForm.model_json_schema()` is what editors complete from."""

    listen: Listen | None = None
    front: Literal["native", "python"] | None = None
    interceptors: list[StrictStr] | None = None
    repository: StrictStr | None = None
    state_dir: StrictStr | None = None
    versions: dict[str, Version | None] | None = None
    routes: dict[str, Route] | None = None
    keys: dict[str, Key] | None = None
    monitors: dict[str, Monitor | None] | None = None
    sinks: list[StrictStr] | None = None
    timeout_ms: StrictInt | None = None
    inline_budget_us: StrictInt | None = None
    answer_parameters: StrictBool | Literal["on", "off"] | None = None
    drain_delay_ms: StrictInt | None = None
    drain_timeout_ms: StrictInt | None = None
    load_timeout_ms: StrictInt | None = None
    limits: Limits | None = None
    threads: Threads | None = None
    log: Log | None = None


def find_form_violations(value: Any) -> list[DocumentViolation]:
    """Every place where a value has not the form of a document; lines are not known here."""
    try:
        DocumentForm.model_validate({} if value is None else value)
    except ValidationError as error:
        return [_violation(details) for details in error.errors(include_url=False)]
    return []


def _violation(details: ErrorDetails) -> DocumentViolation:
    path = ""
    for step in details["loc"]:
        if step in (_WORD, _CONDITION):
            continue
        path = f"{path}[{step}]" if isinstance(step, int) else extend_path(path, step)
    if details["type"] == "extra_forbidden":
        return DocumentViolation(path, f"unknown field{_meant(str(details['loc'][-1]))}")
    return DocumentViolation(path, details["msg"])


def _meant(name: str) -> str:
    near = difflib.get_close_matches(name, DocumentForm.model_fields, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
