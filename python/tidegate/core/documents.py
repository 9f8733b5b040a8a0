"""What a gateway document means: the typed face of the native compiler of documents."""

import json
from collections.abc import Mapping
from typing import Any

from tidegate import _native
from tidegate.errors import DocumentRefused, DocumentViolation


def fill_in(document: Mapping[str, Any] | None) -> dict[str, Any]:
    """The document with every default filled in.

    Raises:
        DocumentRefused: The document breaks rules; the violations are all there are, without lines.
    """
    try:
        filled: dict[str, Any] = json.loads(_native.compile_document(json.dumps(document, allow_nan=False)))
    except _native.Refused as refused:
        violations = tuple(DocumentViolation(path, reason) for path, reason in refused.args[0])
        raise DocumentRefused("", violations) from None
    return filled
