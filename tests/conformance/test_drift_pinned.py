"""A version and its profile are pinned when it is loaded: another profile beside it is told of, and taken up when it is named."""

import hashlib
import json
import signal

import pytest

from support import models as small_models
from support.applying import apply, serving
from support.asking import Asker
from support.drifting import CLOCK, profile
from support.waiting import until
from support.watching import read

ROUTES = {"sum": {"split": {"add/1": 1}}}
MONITORS = {"sum": {"windows": ["1d"], **CLOCK}}
LINE = "profile.json has changed beside add/1, and is not taken up"


@pytest.fixture
def repository(tmp_path):
    small_models.save(tmp_path, "add", 1, small_models.add(1))
    write(tmp_path, 20_000)
    return tmp_path


def write(repository, rows):
    """Another profile; its digest."""
    text = json.dumps(profile(rows))
    (repository / "add/1/profile.json").write_text(text)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def judged_by(gateway):
    """The digest of the profile that the served version is held against."""
    [found] = [each for each in json.loads(read(gateway, "/drift/sum"))["versions"] if each["is_served"]]
    return found["profile_digest"]


def test_a_profile_that_changes_is_told_of_and_taken_up_when_it_is_named(repository):
    old = write(repository, 20_000)
    with serving(repository, ROUTES, monitors=MONITORS) as gateway, Asker(gateway.grpc_address):
        assert "routes.sum" not in apply(gateway, {"routes": ROUTES}).reasons
        new = write(repository, 10_000)
        applied = apply(gateway, {"routes": ROUTES})
        assert applied.outcomes["routes.sum"] == "unchanged"
        assert f'versions["add/1"].profile_digest: "{new}" has it loaded anew' in applied.reasons["routes.sum"]
        assert gateway.log.count(LINE) == 1
        assert judged_by(gateway) == old
        named = {"routes": ROUTES, "versions": {"add/1": {"profile_digest": new}}}
        applied = apply(gateway, named)
        assert (applied.outcomes["routes.sum"], applied.reasons) == ("current", {})
        until(lambda: judged_by(gateway) == new, what="the new profile")
        assert gateway.log.count(LINE) == 1


def test_the_same_bytes_written_anew_are_no_news_and_none_at_all_are(repository):
    with serving(repository, ROUTES, monitors=MONITORS) as gateway:
        write(repository, 20_000)
        assert "routes.sum" not in apply(gateway, {"routes": ROUTES}).reasons
        (repository / "add/1/profile.json").unlink()
        reason = apply(gateway, {"routes": ROUTES}).reasons["routes.sum"]
        assert "there is no profile.json that could be read any more" in reason


def test_sighup_says_it_in_one_line(repository):
    with serving(repository, ROUTES, monitors=MONITORS) as gateway:
        write(repository, 10_000)
        gateway.signal(signal.SIGHUP)
        until(lambda: LINE in gateway.log, what="a line in the log")
        assert gateway.log.count("profile.json has changed") == 1
