"""Opens the sinks of a gateway document: who is told of drift."""

from contextlib import ExitStack

from tidegate.config import Document
from tidegate.errors import InputRefused, RegistryDamaged, Violation
from tidegate.sinks import LOG, Sink, open_sink


def open_sinks(document: Document) -> dict[str, Sink]:
    """The sinks of a document by their addresses, but for the log, which the gateway writes itself.

    Raises:
        DocumentRefused: Some cannot be opened; all of them are named.
    """
    sinks: dict[str, Sink] = {}
    violations = []
    with ExitStack() as stack:
        for at, address in enumerate(document.fields["sinks"]):
            if address == LOG:
                continue
            try:
                sinks[address] = open_sink(address, document.base_dir)
                stack.callback(sinks[address].close)
            except (InputRefused, RegistryDamaged) as error:
                violations.append(Violation(f"sinks[{at}]", str(error)))
        if violations:
            raise document.refused(violations)
        stack.pop_all()
    return sinks
