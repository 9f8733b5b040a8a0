"""The gate's rules offline: a profile's own rows keep them all, and each breach is listed with its rows."""

import pyarrow as pa
import pytest

from support.departures import departures, with_column
from tidegate.drift import Breach, Choices, ProfileMisfit, Rule, build_profile, check

REFERENCE = {
    "age": [30, 20, 40, 50],
    "fare": [1.5, None, 3.0, 4.5],
    "height": [1.6, 1.7, 1.8, 1.9],
    "cabin": ["A", "BB", "A", "A"],
}


def breaches(profile=None, **columns):
    table = {name: columns.get(name, values) for name, values in REFERENCE.items()}
    return check(profile or build_profile(REFERENCE), table)


def test_a_profile_s_own_rows_keep_every_rule(profile):
    assert breaches() == []
    assert check(profile, departures()) == []


def test_every_breach_is_listed_with_its_rows_and_what_was_expected():
    found = breaches(
        age=[19, 51, 60, 30],
        fare=[None, None, 1.5, 4.5],
        height=[None, float("inf"), float("-inf"), 1.6],
        cabin=["A", "C", "DDD", ""],
    )
    assert found == [
        Breach(feature="age", rule=Rule.RANGE, rows=1, expected="20 to 50", found="below, as far as 19"),
        Breach(feature="age", rule=Rule.RANGE, rows=2, expected="20 to 50", found="above, as far as 60"),
        Breach(feature="height", rule=Rule.NULLABILITY, rows=1, expected="a value", found="nothing"),
        Breach(feature="height", rule=Rule.RANGE, rows=1, expected="1.6 to 1.9", found="below, as far as infinite"),
        Breach(feature="height", rule=Rule.RANGE, rows=1, expected="1.6 to 1.9", found="above, as far as infinite"),
        Breach(feature="cabin", rule=Rule.NULLABILITY, rows=1, expected="a value", found="nothing"),
        Breach(feature="cabin", rule=Rule.CATEGORY, rows=2, expected="one of 2 known", found="'C', 'DDD'"),
        Breach(feature="cabin", rule=Rule.LENGTH, rows=1, expected="1 to 2 bytes", found="1 to 3 bytes"),
    ]


def test_a_sentinel_stands_for_nothing_on_both_sides():
    profile = build_profile(REFERENCE, choices=Choices(sentinels={"age": -1}))
    (found,) = breaches(profile, age=[-1, -1, 30, 40])
    assert (found.rule, found.rows) == (Rule.NULLABILITY, 2)
    (found,) = breaches(profile, age=[None, 20, 30, 40])
    assert (found.rule, found.rows) == (Rule.NULLABILITY, 1)


def test_a_sentinel_of_an_odd_length_is_nothing_and_no_odd_text():
    profile = build_profile(REFERENCE, choices=Choices(sentinels={"cabin": "missing"}))
    found = breaches(profile, cabin=["missing", None, "", "CCC"])
    assert {(breach.rule, breach.rows) for breach in found} == {
        (Rule.NULLABILITY, 3),
        (Rule.CATEGORY, 1),
        (Rule.LENGTH, 1),
    }


def test_a_dictionary_that_lacks_some_of_the_reference_has_no_rule_of_categories():
    # As many as a profile has names for, and three more.
    names = [f"{at:05d}" for at in range(64 + 65_536 + 3)]
    profile = build_profile({"id": names})
    assert profile.features[0].reference["new"] == 3
    assert check(profile, {"id": ["99999", *names[-3:]]}) == []


def test_long_new_texts_are_cut_where_they_are_shown():
    found = {breach.rule: breach for breach in breaches(cabin=["x" * (1 << 20), "A", "A", "A"])}
    assert len(found[Rule.CATEGORY].found) < 40
    assert found[Rule.LENGTH].found == "1 to 1,048,576 bytes"


def test_predictions_and_other_columns_are_not_checked(profile):
    table = departures().append_column("probability", pa.array([99.0] * 4_000))
    assert check(profile, table) == []


def test_a_missing_column_is_refused_with_both_lists(profile):
    with pytest.raises(ProfileMisfit, match="data has no column carrier") as refused:
        check(profile, departures().drop_columns(["carrier"]))
    assert "the table has time_hour, dep_hour, late" in str(refused.value)


def test_a_column_of_nothing_breaks_a_rule_and_is_no_error(profile):
    (found,) = check(profile, with_column(departures(), "dep_hour", [None] * 4_000))
    assert (found.feature, found.rule, found.rows) == ("dep_hour", Rule.NULLABILITY, 4_000)
