"""The acts of the demo: three documents under one stream of requests, each applied while flights are asked about.

A fourth one follows when April is over: it watches a route of its own, over which the year is replayed.
"""

from dataclasses import dataclass

from tidegate.demo.gateway import STATE

ROUTE = "flight-delay"
STABLE = f"{ROUTE}/1"
CANDIDATE = f"{ROUTE}/2"
SHADOW = f"{ROUTE}/3"
TORN = f"{ROUTE}/9"
STICKY_METADATA = "x-unit"
FIRST_SPLIT = {STABLE: 90, CANDIDATE: 10}
SECOND_SPLIT = {STABLE: 70, CANDIDATE: 30}
SEGMENT = "hawaiian"
SEGMENT_CARRIER = "HA"
SOUND_ROUTE = "flight-delay-next"
BROKEN_ROUTE = "flight-delay-broken"
YEAR_ROUTE = "flight-delay-year"
EVENT_TIME_METADATA = "x-event-time"

_HEAD = f"""\
# Written by `make demo` at every run. Copy it, or serve it as it is: tidegate serve FILE
listen: {{grpc: "127.0.0.1:0", http: "127.0.0.1:0"}}  # port 0: any free one; the gateway prints what it got
repository: ./models
state_dir: ./{STATE}
drain_delay_ms: 0  # nobody but the demo calls, so nobody needs time to look elsewhere

routes:
  {ROUTE}:
    sticky: metadata["{STICKY_METADATA}"]  # the aircraft's tail number: an aircraft keeps its version
    stable: {STABLE}
    timeout_ms: 200
"""

_FIRST = f"""\
    split: {{"{STABLE}": 90, "{CANDIDATE}": 10}}
"""

_SECOND = f"""\
    split: {{"{STABLE}": 70, "{CANDIDATE}": 30}}  # moves the fewest aircraft that arithmetic allows
    segments:
      - {{name: {SEGMENT}, when: 'params.carrier == "{SEGMENT_CARRIER}"', split: {{"{CANDIDATE}": 1}}}}
    shadow:
      - {{to: {SHADOW}, share_bp: 2000}}  # a fifth of the requests is copied and compared
    decision: {{output: probability, threshold: 0.5}}  # what a flip is
"""

_MORE_ROUTES = f"""\
  {SOUND_ROUTE}:
    split: {{"{SHADOW}": 1}}
  {BROKEN_ROUTE}:
    split: {{"{TORN}": 1}}  # half of a model file
"""

_YEAR = f"""\
  {YEAR_ROUTE}:
    split: {{"{CANDIDATE}": 1}}

monitors:
  {YEAR_ROUTE}:
    windows: [1d, 1mo]
    observe: {{clock: 'metadata["{EVENT_TIME_METADATA}"]'}}  # a window is of the time that requests name
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """A document, and when in the replay it is applied."""

    file: str
    document: str
    begins_at: float
    """The part of the flights that have been asked about before."""
    says: str
    is_whole: bool
    """Whether every part of the document can be served."""


ACTS = (
    Act(file="gateway.yaml", document=_HEAD + _FIRST, begins_at=0.0, says="a sticky split, 90 to 10", is_whole=True),
    Act(
        file="second.yaml",
        document=_HEAD + _SECOND,
        begins_at=1 / 3,
        says="70 to 30, Hawaiian Airlines to version 2, a fifth shadowed to version 3",
        is_whole=True,
    ),
    Act(
        file="third.yaml",
        document=_HEAD + _SECOND + _MORE_ROUTES,
        begins_at=2 / 3,
        says="two routes more, one of them over a torn model file",
        is_whole=False,
    ),
)

WATCHED = Act(
    file="year.yaml",
    document=_HEAD + _SECOND + _YEAR,
    begins_at=1.0,
    says="a route that is watched for drift, by the time of the flights",
    is_whole=True,
)
