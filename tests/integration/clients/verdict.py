"""Runs the checks of programs inside a client's own environment and prints a verdict on each.

    <python of the client> verdict.py <address> <answers.json> <program>…

Every function `test_…` of a program is a check. It takes the address of the gateway and what is in the file: the answers
that ONNX Runtime gave to the same rows (`support/stock_models.py`), and as `http` where the gateway's metrics are. A line of JSON is printed for each: `{"check": "program::test_…", "failure": null | text}`.
Needs the standard library only: it runs beside whatever a client brings.
"""

import importlib
import inspect
import json
import reprlib
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).parent
SHORT = reprlib.Repr()
SHORT.maxstring = SHORT.maxother = 400
SHORT.maxlevel = 3


def main(address: str, answers: str, *programs: str) -> None:
    """Runs every check of every program, whatever becomes of the others."""
    known = json.loads(Path(answers).read_text())
    for program in programs:
        for check in _checks(program):
            print(
                json.dumps({"check": f"{program}::{check.__name__}", "failure": _failure(check, address, known)}),
                flush=True,
            )


def refused(call: Callable[[], object], kind: type[Exception]) -> Exception:
    """The error of a call that must be refused; fails if it was answered."""
    try:
        answer = call()
    except kind as error:
        return error
    raise AssertionError(f"the call was answered: {answer}")


def _checks(program: str) -> Iterator[Callable[[str, dict], None]]:
    module = importlib.import_module(program)
    for name, member in vars(module).items():
        if name.startswith("test_") and inspect.isfunction(member):
            yield member


def _failure(check: Callable[[str, dict], None], address: str, answers: dict) -> str | None:
    try:
        check(address, answers)
    except Exception as error:  # noqa: BLE001  # whatever goes wrong in a client is the verdict
        return traceback.format_exc() + _values(error)
    return None


def _values(error: Exception) -> str:
    """What the names stood for where the program itself failed: there is nobody here to take an assertion apart."""
    frames = [
        frame for frame, _ in traceback.walk_tb(error.__traceback__) if Path(frame.f_code.co_filename).parent == HERE
    ]
    shown = ((name, SHORT.repr(value)) for name, value in frames[-1].f_locals.items() if name != "answers")
    return "".join(f"    {name} = {value}\n" for name, value in shown)


if __name__ == "__main__":
    main(*sys.argv[1:])
