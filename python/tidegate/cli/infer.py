"""`tidegate infer`: ask a model from the command line, with rows from a file."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tidegate.cli.files import read_json
from tidegate.cli.output import BAD_INPUT, FAILED, BadInput, Output, fail, printable
from tidegate.cli.pairs import pairs, parameters
from tidegate.client import Answer, Client
from tidegate.errors import InvalidRequest, RequestError


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command("infer")(infer)


def infer(
    model: Annotated[str, typer.Argument(help="A route or a model.")],
    *,
    rows: Annotated[
        str, typer.Option(help="A JSON file: a list of objects, or an object of columns; - for standard input.")
    ],
    address: Annotated[str, typer.Option(help="Where the gateway listens for gRPC.")] = "localhost:8001",
    version: Annotated[str, typer.Option(help="A version, instead of the one the gateway chooses.")] = "",
    output: Annotated[Output, typer.Option(help="How the answer is written.")] = Output.table,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds until the call is given up.")] = 30.0,
    metadata: Annotated[list[str] | None, typer.Option(help="KEY=VALUE, sent as metadata; repeatable.")] = None,
    param: Annotated[
        list[str] | None, typer.Option(help="KEY=VALUE, sent as parameter (JSON, or else text); repeatable.")
    ] = None,
) -> None:
    """Ask a route or model, and print its answer."""
    try:
        columns = columns_of(read_json(rows))
        sent_metadata, sent_parameters = pairs(metadata, "--metadata"), parameters(param)
        with Client(address, timeout=timeout) as client:
            answer = client.infer(model, columns, version=version, parameters=sent_parameters, metadata=sent_metadata)
    except BadInput as bad:
        fail([str(bad)], BAD_INPUT)
    except InvalidRequest as refused:
        fail([f"{path}: {reason}" for path, reason in refused.violations] or [refused.message], BAD_INPUT)
    except RequestError as failed:
        fail([_sentence(failed)], FAILED)
    if output is Output.json:
        sys.stdout.write(json.dumps(_as_json(answer), ensure_ascii=False) + "\n")
    else:
        _print_table(answer)


def columns_of(document: Any) -> dict[str, Any]:
    """The inputs by name, from a list of rows or from columns.

    Raises:
        BadInput: The document has another form, or its rows have different names.
    """
    if isinstance(document, dict):
        return document
    if not isinstance(document, list) or not all(isinstance(row, dict) for row in document):
        raise BadInput("The rows are neither a list of objects nor an object of columns.")
    if not document:
        raise BadInput("There are no rows; name the inputs with empty columns to send an empty batch.")
    names = list(document[0])
    for at, row in enumerate(document):
        if row.keys() != document[0].keys():
            odd = sorted(row.keys() ^ document[0].keys())
            raise BadInput(f"Row {at} and row 0 differ in their names: {', '.join(odd)}.")
    return {name: [row[name] for row in document] for name in names}


def _sentence(failed: RequestError) -> str:
    known = ", ".join(part for part in (failed.reason or failed.code, failed.prediction_id) if part)
    return f"{failed.message.rstrip('.') or failed.code} ({known})."


def _as_json(answer: Answer) -> dict[str, Any]:
    return {
        "model": answer.model_name,
        "model_version": answer.model_version,
        **_decision(answer),
        "outputs": {name: _plain(values) for name, values in answer.items()},
    }


def _decision(answer: Answer) -> Mapping[str, Any]:
    decision = {
        "version": answer.version,
        "reason": answer.reason,
        "prediction_id": answer.prediction_id,
        "epoch": answer.epoch,
    }
    return {name: value for name, value in decision.items() if value not in ("", None)}


def _plain(values: npt.NDArray[Any]) -> Any:
    """Nested lists; bytes as text, with escapes where they are none."""
    if values.dtype.kind != "O":
        return values.tolist()
    text = [element.decode("utf-8", errors="backslashreplace") for element in values.ravel().tolist()]
    return np.array(text, dtype=object).reshape(values.shape).tolist()


def _print_table(answer: Answer) -> None:
    """One line a row where all outputs have equally many; else one line an output."""
    table = Table()
    counts = {values.shape[0] if values.ndim else -1 for values in answer.values()}
    if len(counts) == 1 and counts != {-1}:
        for name in answer:
            table.add_column(_cell(name))
        for row in zip(*(_plain(values) for values in answer.values()), strict=True):
            table.add_row(*map(_cell, row))
    else:
        table.add_column("output")
        table.add_column("value")
        for name, values in answer.items():
            table.add_row(_cell(name), _cell(_plain(values)))
    console = Console(highlight=False)
    console.print(table)
    # Not a part of what a pipe reads.
    told = " · ".join(f"{name} {value}" for name, value in _decision(answer).items())
    typer.echo(told or f"{answer.model_name} {answer.model_version}".strip(), err=True)


def _cell(value: Any) -> Text:
    """One value for the terminal: neither markup nor control characters of a model reach it."""
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, float):
        return Text(f"{value:.6g}")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return Text(printable(text))
