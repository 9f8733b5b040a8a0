"""Profiles are read by the core, refused with everything that is wrong, and bound to one signature only."""

import copy
import json

import numpy as np
import pytest

from tidegate.core.profiles import Strings, build_feature, parse_profile
from tidegate.errors import DocumentRefused

SETTINGS = {"name": "x", "column": 0, "datatype": "FP32", "bins": 4, "sentinel": None, "weight": 1.0}
NUMBERS = np.arange(100, dtype=np.float32)


def document(**changes):
    feature = build_feature(SETTINGS, NUMBERS, None) | changes
    tensor = {"name": "x", "direction": "input", "datatype": "FP32", "width": 1, "in_sample": False, "rows": 100}
    return {"format": "tidegate.profile/1", "rows": 100, "tensors": [{**tensor, "features": [feature]}]}


def parsed(**changes):
    return parse_profile(json.dumps(document(**changes)))


def test_a_profile_has_its_document_and_the_digest_of_its_text():
    profile = parsed()
    assert json.loads(profile.text) == document()
    assert len(profile.digest) == 64
    assert profile.digest != parsed(weight=2.0).digest
    assert parse_profile(profile.text).digest == profile.digest


@pytest.mark.parametrize(
    "changes, reason",
    [
        ({"edges": [1.0, 1.0, 2.0]}, r"features\[0\]\.edges\[1\]: must be above the edge before it"),
        ({"edges": [1.0, None, 2.0]}, r"features\[0\]\.edges\[1\]: must be a finite number"),
        ({"counts": [100]}, "must have 4 entries, one more than edges"),
        ({"counts": [1, 1, 1, 1]}, "are not the 100 rows of the tensor"),
        ({"kind": "categorical"}, r'must be "numeric" in a tensor of FP32'),
        ({"weight": -1}, "must be above 0"),
        ({"colour": "blue"}, "unknown field"),
    ],
)
def test_a_profile_that_breaks_a_rule_is_refused_with_its_place(changes, reason):
    with pytest.raises(DocumentRefused, match=reason):
        parsed(**changes)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "tidegate.profile/2"}', "NaN", document().__repr__()])
def test_what_is_no_profile_is_refused(text):
    with pytest.raises(DocumentRefused):
        parse_profile(text)


def test_edges_that_are_not_a_number_are_no_json_and_said_so():
    broken = json.dumps(document()).replace('"edges": [', '"edges": [NaN, ')
    with pytest.raises(DocumentRefused, match="NaN and infinity have no form there"):
        parse_profile(broken)


def test_all_violations_are_named_at_once():
    wrong = copy.deepcopy(document(edges=[2.0, 1.0, 3.0], weight=0))
    wrong["tensors"][0]["direction"] = "sideways"
    with pytest.raises(DocumentRefused) as refused:
        parse_profile(json.dumps(wrong))
    assert len(refused.value.violations) >= 3


def signature(name="x", datatype="FP32", shape=(-1, 1)):
    return {"inputs": [{"name": name, "datatype": datatype, "shape": list(shape)}], "outputs": []}


def test_a_profile_binds_to_its_own_signature():
    parsed().bind(signature())
    parsed().bind(signature(shape=(-1,)))


@pytest.mark.parametrize(
    "other, reason",
    [
        (signature(name="y"), 'the model has no input "x"'),
        (signature(datatype="FP64"), 'is FP32, input "x" of the model is FP64'),
        (signature(shape=(-1, 3)), 'is 1, input "x" of the model has 3 elements per row'),
    ],
)
def test_a_profile_of_another_signature_is_refused_with_both_lists(other, reason):
    with pytest.raises(DocumentRefused) as refused:
        parsed().bind(other)
    assert reason in str(refused.value)
    assert "inputs of the profile: x FP32[1]; of the model: " in str(refused.value)


def test_counts_of_parts_merge_to_the_counts_of_the_whole():
    profile = parsed()
    ((tensor, feature),) = [(tensor, tensor.features[0]) for tensor in profile.tensors]
    whole, part, rest = profile.counts(), profile.counts(), profile.counts()
    whole.add(tensor, feature, NUMBERS)
    part.add(tensor, feature, NUMBERS[:37])
    rest.add(tensor, feature, NUMBERS[37:])
    part.merge(rest)
    assert part.cells() == whole.cells()
    assert whole.cells()[0]["counts"] == list(feature.reference["counts"])
    with pytest.raises(ValueError, match="of another profile"):
        part.merge(parsed(weight=2.0).counts())


def test_what_cannot_be_counted_is_refused():
    profile = parsed()
    (tensor,) = profile.tensors
    counts = profile.counts()
    with pytest.raises(ValueError, match="are not 0 rows of 4 bytes each"):
        counts.add(tensor, tensor.features[0], np.zeros(3, dtype=np.uint8))
    texts = Strings(offsets=np.array([0, 1], dtype=np.int32), data=np.frombuffer(b"a", dtype=np.uint8))
    with pytest.raises(ValueError, match="are not FP32, the datatype of its tensor"):
        counts.add(tensor, tensor.features[0], texts)
