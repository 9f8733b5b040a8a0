import hashlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.journal import FIRST, Actor, Deed, Kind, enter, link, verify

ANN = Actor(name="ann", kind=Kind.PERSON)


def chain(count: int):
    entries, previous = [], FIRST
    for number in range(1, count + 1):
        deed = Deed(actor=ANN, action="aliases.set", resource="r", before={"n": number - 1}, after={"n": number})
        entries.append(enter(deed, seq=number, time_us=number, previous=previous))
        previous = entries[-1].hash
    return entries


def checked(entries, *, head=None):
    last = entries[-1] if entries else None
    rows = [(entry, {"seq": entry.seq, "actor": "ann", "kind": "person"}) for entry in entries]
    return verify(rows, head=head or ((last.seq, last.hash) if last else (0, FIRST)))


def test_a_whole_chain_holds():
    found = checked(chain(5))
    assert (found.entries, found.broken) == (5, None)
    assert checked([]).broken is None


def test_the_hash_is_the_one_that_the_page_says():
    [entry] = chain(1)
    leaf = hashlib.sha256(b"\x00" + entry.body).digest()
    assert entry.hash == hashlib.sha256(b"\x01" + bytes(32) + leaf).digest()
    assert json.loads(entry.body)["patch"] == [{"op": "replace", "path": "/n", "value": 1}]


@given(st.integers(0, 4), st.data())
def test_any_byte_that_changes_shows_at_its_entry(at, data):
    entries = chain(5)
    body = bytearray(entries[at].body)
    body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    entries[at] = replace(entries[at], body=bytes(body))
    assert checked(entries).broken.seq == at + 1


@pytest.mark.parametrize("at", range(5))
def test_an_entry_that_is_taken_out_shows(at):
    entries = chain(5)
    head = (5, entries[-1].hash)
    del entries[at]
    assert checked(entries, head=head).broken is not None


def test_a_rewritten_end_shows_against_the_head():
    entries = chain(5)
    forged = entries[:4]
    assert "missing" in checked(forged, head=(5, entries[-1].hash)).broken.reason


def test_a_body_that_was_hashed_again_breaks_the_next_link():
    entries = chain(5)
    body = entries[2].body.replace(b"ann", b"eve")
    entries[2] = replace(entries[2], body=body, hash=link(entries[2].previous, body))
    broken = checked(entries).broken
    assert broken.seq == 3
    assert "columns" in broken.reason


def test_columns_that_say_otherwise_show():
    entries = chain(2)
    rows = [(entry, {"actor": "eve"}) for entry in entries]
    broken = verify(rows, head=(2, entries[-1].hash)).broken
    assert (broken.seq, "actor" in broken.reason) == (1, True)
