"""What stays loaded for a rollback is what the rollback leads to, whatever the history."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.core.revisions import Cause
from tidegate.errors import ChangeRefused
from tidegate.services.routes import proven_target_of, target_of
from tidegate.stores import heads
from tidegate.stores.heads import Head, StoredRevision

BAKE_US = 600
# Which revision becomes the head, by what, and for how long: steps of one change, changes, and ways back.
TURNS = st.lists(
    st.tuples(st.integers(1, 6), st.sampled_from(list(Cause)), st.sampled_from([0, 1, 599, 600, 601, 5000])),
    min_size=1,
    max_size=12,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(turns=TURNS, changes=st.lists(st.sampled_from("abc"), min_size=6, max_size=6))
def test_the_proven_target_is_the_target_of_a_rollback(kept, turns, changes):
    scope = f"{turns}{changes}"
    with kept.store.changing() as connection:
        for number, change in enumerate(changes, start=1):
            if heads.get_revision(connection, scope, number) is None:
                heads.add_revision(connection, _revision(scope, number, change))
        if heads.get(connection, scope) is not None:
            return
        begin_us = 0
        for generation, (number, cause, lived_us) in enumerate(turns, start=1):
            head = Head(scope=scope, generation=generation, revision=number, hold=None, seq=generation)
            heads.begin_tenure(connection, head, cause, begin_us)
            begin_us += lived_us
        heads.swap(connection, head, expected=0)
        try:
            expected = target_of(connection, scope, begin_us, BAKE_US).revision
        except ChangeRefused:
            expected = None
        assert proven_target_of(connection, scope, number, begin_us, BAKE_US) == expected


def _revision(scope, number, change):
    return StoredRevision(
        scope=scope,
        number=number,
        cause=Cause.APPLY,
        change=change,
        document={},
        content={"versions": {}},
        digest="",
        create_us=0,
        seq=number,
    )
