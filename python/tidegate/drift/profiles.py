"""Profiles as files."""

from __future__ import annotations

from pathlib import Path

from tidegate.core.profiles import Profile, parse_profile
from tidegate.errors import DocumentRefused, DocumentViolation

# A hundred thousand features take some 300 MB.
MOST_BYTES = 1 << 30


def read_profile(path: Path | str) -> Profile:
    """The profile in a file.

    Raises:
        DocumentRefused: It cannot be read, or breaks rules; every one is named.
    """
    source = str(path)
    try:
        if Path(path).stat().st_size > MOST_BYTES:
            raise DocumentRefused(source, (DocumentViolation("", "is larger than 1 GiB"),))
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise DocumentRefused(source, (DocumentViolation("", f"cannot be read: {error.strerror}"),)) from error
    except UnicodeDecodeError:
        raise DocumentRefused(source, (DocumentViolation("", "is not UTF-8"),)) from None
    try:
        return parse_profile(text)
    except DocumentRefused as refused:
        raise DocumentRefused(source, refused.violations) from None
