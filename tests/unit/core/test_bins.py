"""Bins are called by what lies in them."""

import numpy as np
import pytest

from tidegate.core.bins import bin_labels

BELOW_9 = float(np.nextafter(np.float32(9), np.float32(0)))


@pytest.mark.parametrize(
    "edges, labels",
    [
        ([], ["any"]),
        ([6.5, 9.25], ["≤ 6.5", "(6.5, 9.25]", "> 9.25"]),
        ([6.5, BELOW_9, 9.0, 12.0], ["≤ 6.5", "(6.5, 9)", "9", "(9, 12]", "> 12"]),
        ([BELOW_9, 9.0], ["< 9", "9", "> 9"]),
        ([float(np.nextafter(9, 0)), 9.0], ["< 9", "9", "> 9"]),
        ([0, 1, 5], ["≤ 0", "1", "2 … 5", "> 5"]),
        ([-1, 0, 1], ["≤ -1", "0", "1", "> 1"]),
        ([1.00001, 1.00002], ["≤ 1.00001", "(1.00001, 1.00002]", "> 1.00002"]),
        ([7.083333], ["≤ 7.083", "> 7.083"]),
    ],
)
def test_numbers_have_intervals_and_frequent_values_a_bin_of_their_own(edges, labels):
    assert bin_labels({"kind": "numeric", "edges": edges}) == labels


def test_categories_have_their_names_and_the_rare_ones_are_together():
    assert bin_labels({"kind": "categorical", "categories": ["UA", "B6"]}) == ["UA", "B6", "other known"]
