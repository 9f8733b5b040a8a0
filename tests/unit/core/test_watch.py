"""A file is read once it has changed and two looks have found the same."""

from hypothesis import given
from hypothesis import strategies as st

from tidegate.core.watch import Fingerprint, Watch

OLD, HALF, NEW = (Fingerprint(device=1, inode=2, mtime_ns=3, size=size) for size in (10, 5, 20))


def reads(*looks, read=OLD):
    """Whether each look finds something to read."""
    watch, found = Watch(read=read), []
    for look in looks:
        watch, is_due = watch.look(look)
        found.append(is_due)
    return found


def test_what_was_read_is_not_read_again():
    assert reads(OLD, OLD, OLD) == [False, False, False]


def test_a_change_is_read_when_it_was_seen_twice_and_once_only():
    assert reads(OLD, NEW, NEW, NEW) == [False, False, True, False]


def test_what_is_being_written_is_left_alone():
    assert reads(HALF, NEW, NEW) == [False, False, True]


def test_a_file_that_is_gone_for_a_moment_is_waited_for():
    assert reads(None, None, NEW, NEW) == [False, False, False, True]


def test_a_file_that_comes_back_as_it_was_is_no_news():
    assert reads(NEW, OLD, OLD) == [False, False, False]


def test_a_file_that_was_not_there_at_first_is_read_when_it_comes():
    assert reads(NEW, NEW, read=None) == [False, True]


@given(looks=st.lists(st.sampled_from([None, OLD, HALF, NEW]), max_size=12))
def test_something_is_read_only_if_it_stayed_and_is_new(looks):
    last = OLD
    for at, is_due in enumerate(reads(*looks)):
        stayed = at > 0 and looks[at] is not None and looks[at] == looks[at - 1]
        assert is_due == (stayed and looks[at] != last)
        last = looks[at] if is_due else last
