"""Lists page by page. A token says where the next page begins, and of which request it is the next page."""

import base64
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from tidegate.errors import InputRefused, Violation

ItemT = TypeVar("ItemT")

_TIE_BYTES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What is asked for of a list."""

    size: int
    key: str
    """The key of the last item of the page before; empty for the first page."""
    tie: str

    @property
    def number(self) -> int | None:
        """The key of a list that is ordered by numbers."""
        return int(self.key) if self.key else None

    def token(self, key: str) -> str:
        """The token of the page behind an item."""
        return base64.urlsafe_b64encode(json.dumps([key, self.tie]).encode()).decode()

    def cut(self, items: Sequence[ItemT], key_of: Callable[[ItemT], object]) -> tuple[Sequence[ItemT], str]:
        """The items of this page, of one more than its size, and the token of the next; empty if there is none."""
        kept = items[: self.size]
        return kept, self.token(str(key_of(kept[-1]))) if len(items) > self.size else ""


def page_of(request: Any, *, most: int, default: int = 50, by_number: bool = False) -> Page:
    """What a request asks for; more than the most is coerced.

    Raises:
        InputRefused: The token is none, or that of another request.
    """
    size = min(request.page_size or default, most)
    tie = _tie(request)
    if not request.page_token:
        return Page(size=size, key="", tie=tie)
    try:
        key, found = json.loads(base64.urlsafe_b64decode(request.page_token.encode()))
        is_key = isinstance(key, str) and key != "" and (not by_number or (key.isascii() and key.isdigit()))
    except ValueError:
        is_key, key, found = False, "", ""
    if not is_key or found != tie:
        why = "is that of another request" if is_key else "is none of ours"
        raise InputRefused(
            f"The page token {why}: send next_page_token as it came, and the other fields as they were.",
            reason="PAGE_TOKEN_REFUSED",
            violations=(Violation("page_token", why),),
        )
    return Page(size=size, key=key, tie=tie)


def _tie(request: Any) -> str:
    """What a token is tied to: everything that the request says but for the page."""
    asked = type(request)()
    asked.CopyFrom(request)
    asked.ClearField("page_size")
    asked.ClearField("page_token")
    said = asked.DESCRIPTOR.full_name.encode() + b"\0" + asked.SerializeToString(deterministic=True)
    return hashlib.sha256(said).hexdigest()[: 2 * _TIE_BYTES]
