"""Causes are told in a sentence."""

import pytest

from tidegate.core.causes import read_cause


@pytest.mark.parametrize(
    "found, sentence",
    [
        ({"kind": "missing_burst", "reference": 0.0, "current": 0.25}, "25.00 % are missing, 0.00 % were"),
        ({"kind": "new_category", "share": 0.1}, "10.00 % are of categories that the reference does not know"),
        ({"kind": "stuck_value", "value": 0.5}, "every value is 0.5: is the source stuck?"),
        ({"kind": "unit_change", "factor": 60.0, "offset": 0.0}, "values are 60 times what they were: another unit?"),
        (
            {"kind": "unit_change", "factor": 1.8, "offset": 32.0},
            "values are 1.8 times what they were and 32 more: another unit?",
        ),
        (
            {"kind": "swapped", "with": "arr_hour"},
            "its values are like those of arr_hour, and the other way round: swapped columns?",
        ),
    ],
)
def test_a_cause_is_told_in_a_sentence(found, sentence):
    assert read_cause(found).sentence == sentence


def test_no_cause_is_none():
    assert read_cause(None) is None
