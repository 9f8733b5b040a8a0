"""Lists of the API, from page to page."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, TypeVar

from tidegate.client.registry.calls import Method
from tidegate.client.registry.connection import Connection

MessageT = TypeVar("MessageT")
ItemT = TypeVar("ItemT")

_PAGE = 200


def listed(
    connection: Connection,
    method: Method[Any],
    request: Any,
    *,
    items: Callable[[Any], Any],
    read: Callable[[Any], ItemT],
    limit: int,
) -> list[ItemT]:
    """The first items of a list, page after page.

    Args:
        connection: Where the list is.
        method: How it is asked for.
        request: The request, without its page.
        items: The items of an answer.
        read: An item as a value.
        limit: At most so many.
    """
    request.page_size = max(1, min(limit, _PAGE))

    def pages() -> Iterator[Any]:
        while True:
            answer = connection.ask(method, request)
            yield from items(answer)
            if not answer.next_page_token:
                return
            request.page_token = answer.next_page_token

    return [read(item) for item in islice(pages(), max(limit, 0))]
