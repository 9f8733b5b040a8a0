"""Which registry a command asks, and what becomes of its refusals: one decorator for all commands."""

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Concatenate, ParamSpec

import typer

from tidegate.cli.output import BAD_INPUT, FAILED, BadInput, fail
from tidegate.errors import (
    DocumentRefused,
    GatewayError,
    InputRefused,
    RegistryError,
    RegistryUnavailable,
    Unidentified,
)

if TYPE_CHECKING:
    # grpcio and the messages take longer to import than everything else of a command that is refused at once.
    from tidegate.client.registry import Registry

P = ParamSpec("P")

DEFAULT = "127.0.0.1:8003"
ATTEMPTS = 2
"""Once more for a connection that breaks; a person who hears at once that nobody answers can start somebody."""
OWNER_TOKEN = Path("tidegate-data/owner.token")
"""Where `tidegate up` leaves the token of whoever started it."""

# The variables are read by typer, which also names them in --help; nothing here looks at the environment.
Admin = Annotated[str, typer.Option(envvar="TIDEGATE_ADMIN", help="The admin API of the registry: HOST:PORT.")]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        envvar="TIDEGATE_TOKEN_FILE", help=f"The file that has the token; {OWNER_TOKEN} if it is there.", dir_okay=False
    ),
]
CaFile = Annotated[
    Path | None,
    typer.Option(envvar="TIDEGATE_CA_FILE", help="Who vouches for the registry's certificate, in PEM; turns on TLS."),
]
Reason = Annotated[str, typer.Option(help="Why, for the journal.")]

_OWN: tuple[tuple[str, object, object], ...] = (
    ("admin", Admin, DEFAULT),
    ("token_file", TokenFile, None),
    ("ca_file", CaFile, None),
)

# As people write what the registry names in full: the project and the environment `default` are left out.
_SHORT = (
    (re.compile(r"projects/default/environments/default/(?:routes|monitors)/"), ""),
    (re.compile(r"projects/default/models/([\w.-]+)/versions/"), r"\1/"),
    (re.compile(r"projects/default/models/([\w.-]+)/aliases/"), r"\1@"),
    (re.compile(r"projects/default/models/"), ""),
)


def asks(command: "Callable[Concatenate[Registry, P], None]") -> Callable[..., None]:
    """A command that takes a registry first, as one that takes the options which say where it is.

    What the registry refuses becomes sentences on stderr and an exit code: 2 for what was typed or stands in a file, 1 for
    everything else.
    """
    return _asking(command, bad_input=BAD_INPUT)


def asks_for_a_plan(command: "Callable[Concatenate[Registry, P], None]") -> Callable[..., None]:
    """The same for a command whose exit code 2 says that there are changes: whatever is wrong is 1."""
    return _asking(command, bad_input=FAILED)


def _asking(command: "Callable[Concatenate[Registry, P], None]", *, bad_input: int) -> Callable[..., None]:
    @wraps(command)
    def wrapper(*, admin: str, token_file: Path | None, ca_file: Path | None, **rest: object) -> None:
        with failing(bad_input), connected(admin, token_file, ca_file) as registry:
            command(registry, **rest)  # type: ignore[call-arg, arg-type]  # what typer has read from the signature

    _, *own = inspect.signature(command).parameters.values()
    added = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
        for name, annotation, default in _OWN
    ]
    # typer reads the signature, and the types from the annotations.
    wrapper.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
    wrapper.__annotations__ = {each.name: each.annotation for each in (*own, *added)}
    return wrapper


@contextmanager
def failing(bad_input: int = BAD_INPUT) -> Iterator[None]:
    """Ends the command with a sentence where it would end with an error that was raised on purpose."""
    try:
        yield
    except BadInput as bad:
        fail([str(bad)], bad_input)
    except DocumentRefused as refused:
        fail([str(refused)], bad_input)
    except InputRefused as refused:
        fail(_sentences(refused), bad_input)
    except RegistryError as error:
        fail(_sentences(error), FAILED)
    except GatewayError as error:
        fail([str(error)], FAILED)


@contextmanager
def connected(admin: str, token_file: Path | None, ca_file: Path | None) -> "Iterator[Registry]":
    """The registry that the options name.

    Raises:
        BadInput: There is no token, or an option cannot be used.
        RegistryError: As it says; that nobody answers comes with what to do.
    """
    from tidegate.client.registry import Registry  # noqa: PLC0415  # see above

    _check_address(admin)
    credentials = None
    if ca_file is not None:
        import grpc  # noqa: PLC0415

        credentials = grpc.ssl_channel_credentials(_read(ca_file, "--ca-file"))
    token = _token(token_file)
    try:
        with Registry(admin, token=token, attempts=ATTEMPTS, credentials=credentials) as registry:
            yield registry
    except RegistryUnavailable as error:
        if error.reason != "UNAVAILABLE":
            raise
        raise RegistryUnavailable(
            f"No registry answers at {admin}: start one with `tidegate up`, or say where it is with --admin HOST:PORT.",
            reason="UNREACHABLE",
        ) from error
    except Unidentified as error:
        where = f"the token in {token_file or OWNER_TOKEN}"
        raise Unidentified(f"{error.message} It was asked with {where}.", reason=error.reason) from error
    except InputRefused as refused:
        if refused.reason != "TLS_NEEDED":
            raise
        raise BadInput(
            f"{admin} is another machine, and the token would go there in plain text: give --ca-file."
        ) from refused


def _check_address(admin: str) -> None:
    host, colon, port = admin.rpartition(":")
    if admin.startswith("unix:"):
        return
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 1 << 16 or "/" in admin:
        raise BadInput(f"--admin takes HOST:PORT, such as {DEFAULT}, not {admin!r}.")


def _token(token_file: Path | None) -> str:
    if token_file is None and not OWNER_TOKEN.exists():
        raise BadInput(
            f"Who asks? There is no {OWNER_TOKEN} here: run this where `tidegate up` runs, or name the file that has your "
            "token with --token-file (or TIDEGATE_TOKEN_FILE)."
        )
    path = token_file or OWNER_TOKEN
    try:
        token = _read(path, "--token-file").decode("ascii").strip()
    except UnicodeDecodeError:
        token = ""
    if not token or not token.isprintable() or " " in token:
        raise BadInput(f"{path} has no token: one line is expected, as `tidegate tokens create` prints it.")
    return token


def _read(path: Path, option: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInput(f"{option}: {path} cannot be read: {error.strerror}.") from error


def _sentences(error: RegistryError) -> Iterator[str]:
    """What went wrong, in the names that people write, and every place that the sentence itself does not name."""
    message = error.message
    for pattern, short in _SHORT:
        message = pattern.sub(short, message)
    yield message
    for path, reason in error.violations:
        if reason not in error.message:
            yield f"  {path}: {reason}" if path else f"  {reason}"
