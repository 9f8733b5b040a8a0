"""`JournalService`: who changed what, when and why, and whether that can be believed."""

import json

from tidegate.api.call import Call
from tidegate.api.pages import page_of
from tidegate.api.routes_messages import fill_operation
from tidegate.api.tokens import KINDS
from tidegate.api.values import micros_of
from tidegate.core.journal import Entry, Kind, Outcome
from tidegate.core.names import entry_of
from tidegate.services import journal
from tidegate.services.registry import Registry
from tidegate.v1 import journal_pb2
from tidegate.v1 import journal_service_pb2 as messages

MOST_ENTRIES = 1_000

_OUTCOMES = {Outcome.DONE: journal_pb2.Entry.DONE, Outcome.REFUSED: journal_pb2.Entry.REFUSED}


class Journal:
    """Answers for `tidegate.v1.JournalService`."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def get_entry(self, _call: Call, request: messages.GetEntryRequest) -> journal_pb2.Entry:
        """Gets an entry."""
        return _message(journal.get(self._registry, entry_of(request.name)))

    def list_entries(self, _call: Call, request: messages.ListEntriesRequest) -> messages.ListEntriesResponse:
        """Lists entries, the newest first."""
        page = page_of(request, most=MOST_ENTRIES, by_number=True)
        found = journal.entries(
            self._registry,
            resource=request.resource or None,
            before=page.number,
            until_us=micros_of(request.end_time, "end_time") if request.HasField("end_time") else None,
            limit=page.size + 1,
        )
        kept, token = page.cut(found, lambda entry: entry.seq)
        return messages.ListEntriesResponse(entries=[_message(entry) for entry in kept], next_page_token=token)

    def verify_journal(self, _call: Call, _request: messages.VerifyJournalRequest) -> messages.VerifyJournalResponse:
        """Reads the whole chain and says where it breaks, if it does."""
        verified = journal.check(self._registry)
        response = messages.VerifyJournalResponse(verified_count=verified.entries, last_hash=verified.last)
        if verified.broken is not None:
            response.broken.entry = verified.broken.seq
            response.broken.description = verified.broken.reason
        return response


def _message(entry: Entry) -> journal_pb2.Entry:
    body = json.loads(entry.body)
    message = journal_pb2.Entry(
        name=f"entries/{entry.seq}",
        principal=f"principals/{body['actor']['name']}",
        principal_kind=KINDS[Kind(body["actor"]["kind"])],
        action=body["action"],
        resource=body["resource"],
        outcome=_OUTCOMES[Outcome(body["outcome"])],
        reason=body["reason"],
        before_digest=body["before"] or "",
        after_digest=body["after"] or "",
        body=entry.body,
        hash=entry.hash,
        request_id=body["request_id"],
    )
    for operation in body["patch"]:
        fill_operation(message.patch.add(), operation)
    message.create_time.FromMicroseconds(body["time_us"])
    return message
