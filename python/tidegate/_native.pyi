"""The Rust core, as Python sees it. Only `tidegate.core` and `tidegate.gateway` import it."""

from typing import Literal, final

__all__ = [
    "Answer",
    "Counts",
    "Desk",
    "Gateway",
    "Profile",
    "Refused",
    "StartFailed",
    "__version__",
    "allocate",
    "bucket",
    "build_feature",
    "build_string_feature",
    "compile_document",
    "explain",
    "inspect_model",
]

__version__: str

class Refused(Exception):
    """A document breaks rules; `args[0]` is the list of all `(path, reason)`."""

class StartFailed(Exception):
    """A gateway or a model cannot start; `args[0]` is the list of all reasons, each one sentence."""

def compile_document(document: str) -> str:
    """Checks a document (JSON) and returns it (JSON) with every default filled in.

    Raises:
        Refused: It breaks rules.
    """

def bucket(salt: str, key: bytes) -> int:
    """The bucket of a key, in [0, 2^32)."""

def allocate(previous: list[tuple[int, int, str]], weights: dict[str, int], stable: str) -> list[tuple[int, int, str]]:
    """The table of `(start, end, arm)` for `weights` that moves the fewest buckets; an empty `previous` is all `stable`.

    Raises:
        ValueError: No weight is positive, or `previous` is not a table.
    """

def explain(snapshot: str, route: str, head: str) -> str:
    """Decides a request again by a snapshot (JSON), and returns every step on the way (JSON).

    The head is `{metadata, params, model_version, peer, prediction_id, key}`, all of them optional; the answer
    `{route, version, reason, refusal, bucket, probability_num, probability, keyed_by, pins, segments, shadows}`.

    Raises:
        ValueError: The snapshot or the head cannot be read, the route is not in it, or has no sticky key for `key`.
    """

def inspect_model(path: str, library: str, profiled_rows: int | None) -> str:
    """What a model file is and costs, as JSON; `library` is ONNX Runtime's shared library.

    With `profiled_rows` also where the time of runs of so many rows goes.

    Raises:
        StartFailed: The file cannot be served, or not be profiled.
    """

def build_feature(settings: str, values: bytes, chunks: bytes | None) -> str:
    """The part of a profile (JSON) that is about one feature of numbers.

    Args:
        settings: `{name, column, datatype, bins, sentinel, weight}` as JSON; the sentinel is null or a number.
        values: All of its values, little-endian, in the datatype of its tensor.
        chunks: The time chunk of each, as 32-bit unsigned integers; None without time.

    Raises:
        ValueError: The settings or the values cannot be used.
    """

def build_string_feature(settings: str, offsets: bytes, data: bytes, chunks: bytes | None) -> str:
    """The part of a profile (JSON) that is about one feature of text or bytes.

    Element i is `data[offsets[i]:offsets[i + 1]]`; offsets are 64-bit integers. Else as `build_feature`.
    """

@final
class Profile:
    """What the inputs and outputs of a model looked like in reference data, ready to count by."""

    def __new__(cls, document: str) -> Profile:
        """Reads the document (JSON).

        Raises:
            Refused: It breaks rules.
        """

    def bind(self, signature: str) -> None:
        """Checks that it is a profile of a model: `{inputs, outputs}`, lists of `{name, datatype, shape}`, as JSON.

        Raises:
            Refused: It is one of another; the tensors of both are listed.
        """

    def counts(self) -> Counts:
        """Counts of nothing yet."""

    def judge(self, cells: str, settings: str) -> str:
        """What is found of each feature, in the order of the document, as JSON.

        Args:
            cells: What was counted, as `Counts.to_json` says it.
            settings: `{tolerated_psi, list_fdr}` as JSON.

        Raises:
            ValueError: The cells are of another profile.
        """

@final
class Counts:
    """What was counted in the bins of a profile. Values are counted while other Python threads go on."""

    def add(self, tensor: tuple[str, str], column: int, values: bytes) -> None:
        """Counts values of a column, little-endian, in the datatype of its tensor: `("input" | "output", name)`.

        Raises:
            ValueError: The profile has no such tensor or no feature in this column, or the bytes are no whole elements.
        """

    def add_strings(self, tensor: tuple[str, str], column: int, offsets: bytes, data: bytes) -> None:
        """Counts text or bytes: element i is `data[offsets[i]:offsets[i + 1]]`; offsets are 64-bit integers."""

    def merge(self, other: Counts) -> None:
        """Adds other counts.

        Raises:
            ValueError: They are of another profile.
        """

    def to_json(self) -> str:
        """What was counted of each feature, in the order of the document, under the names that a profile has for it."""

@final
class Gateway:
    """A gateway that serves from its creation until it has drained."""

    def __new__(cls, document: str, *, base_dir: str, library: str) -> Gateway:
        """Loads the models, binds the ports, serves.

        Raises:
            Refused: The document breaks rules.
            StartFailed: It cannot be served.
        """

    @property
    def grpc_address(self) -> str:
        """Where the native front listens for gRPC, as `host:port`; empty if the front is in Python."""

    @property
    def http_address(self) -> str:
        """Where it listens for HTTP, as `host:port`."""

    def tls(self) -> tuple[int, bytes, bytes, bytes | None] | None:
        """What the files of `listen.tls` said when they were last found good: certificate, key and client CA as PEM.

        The number before them grows with each change.
        """

    def desk(self) -> Desk:
        """The desk of a gateway whose front is in Python, for the thread that calls; there is one.

        Raises:
            OSError: The system has no file descriptor left.
        """

    def announce(self, grpc: str) -> None:
        """Says in the log where the front in Python listens."""

    def warn(self, event: str, reason: str) -> None:
        """Says in the log what the front in Python has noticed."""

    def apply(self, document: str) -> None:
        """Wants what another document says, and returns at once; what becomes of it stands in the log.

        Raises:
            Refused: It breaks rules, or differs in what only a restart can change.
        """

    def amend(self, amendment: str) -> str:
        """Wants what parts of a document say (`null` for what shall go), and returns the progress once they are taken up.

        Raises:
            Refused: They break rules, or differ in what only a restart can change; nothing of them is wanted.
        """

    def progress(self) -> str:
        """Waits until every document before has been taken up: `{epoch, pending, refused, given_up}` as JSON.

        `pending` are routes that wait for loads, `refused` routes that are not served as the newest document says, each with
        the reason; all others are. `given_up` has of watched routes what their monitors give up for want of memory.
        """

    def transitions(self, sink: str, told: int, most: int) -> list[tuple[int, str]]:
        """Changes of drift states that a sink does not have yet, oldest first, at most so many: each a number and JSON.

        It has everything up to the number `told`, which is not given again; at first that is 0.

        Raises:
            ValueError: The document has no such sink, or it is the gateway's own log.
        """

    def delivery_failed(self, sink: str) -> None:
        """Counts that a sink could not be told, which will be tried again.

        Raises:
            ValueError: As of `transitions`.
        """

    def drain(self) -> None:
        """Begins to end; a second call ends at once."""

    def wait(self, timeout_ms: int) -> Literal["clean", "forced", "now"] | None:
        """Waits for the end: every request answered, cut off by the drain timeout, or at once; `None`: still serving."""

@final
class Answer:
    """What a call is answered, as gRPC has it."""

    @property
    def message(self) -> bytes:
        """The encoded message; empty if there is none."""

    @property
    def last(self) -> bytes | None:
        """In a stream: the empty message that follows, if the caller asked for one."""

    @property
    def status(self) -> int:
        """The gRPC status code."""

    @property
    def details(self) -> str:
        """What is wrong, for people."""

    @property
    def initial(self) -> tuple[tuple[str, str | bytes], ...]:
        """The initial metadata."""

    @property
    def trailing(self) -> tuple[tuple[str, str | bytes], ...]:
        """The trailing metadata, with the details of an error."""

@final
class Desk:
    """Where a front in Python hands in calls. Every method is for the thread that made it."""

    def fileno(self) -> int:
        """A file descriptor that can be read when the desk is to be attended."""

    def call(
        self,
        path: str,
        message: bytes,
        metadata: list[tuple[str, str | bytes]],
        peer: str,
        timeout_s: float | None,
    ) -> Answer | int:
        """Takes a unary call: its answer, or the ticket under which it comes later."""

    def infer_streamed(
        self, message: bytes, metadata: list[tuple[str, str | bytes]], peer: str, timeout_s: float | None
    ) -> Answer | int:
        """Takes one message of a ModelStreamInfer, in the same way."""

    def refusal(self, path: str, metadata: list[tuple[str, str | bytes]], peer: str) -> Answer | None:
        """How a stream of this path ends at once, if its caller lacks a key."""

    def reflect(self, message: bytes) -> Answer:
        """Answers one message of a reflection stream."""

    def attend(self) -> list[tuple[int, Answer]]:
        """Does what is due, and returns what is answered now, by ticket."""

    def cancel(self, ticket: int) -> None:
        """Gives up a call that waits; one that is answered already is left alone."""

    def next_deadline_s(self) -> float | None:
        """How many seconds until the earliest deadline."""

    def end_of_streams(self) -> Answer:
        """The status with which streams end because the gateway does."""

    def state(self) -> tuple[Literal["serving", "not_serving", "draining", "aborting", "over"], int]:
        """How far the end of the gateway has come, and the epoch that is served."""
