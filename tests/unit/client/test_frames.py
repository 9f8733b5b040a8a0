"""Frames become inputs by the names of their columns, or are refused with everything that is wrong."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.framing import refusals, sent
from tidegate.client import frames
from tidegate.datatypes import DTYPES

BOTH = pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])


@BOTH
def test_columns_are_inputs_by_name_in_whatever_order_they_stand(library):
    frame = library.DataFrame({"unit": ["N1", "é"], "n": [1, 2], "hour": [9.0, 10.5]})
    found = sent(frame, hour=("FP32", [-1, 1]), n=("INT64", [-1]), unit=("BYTES", [-1, 1]))
    assert found["hour"].tolist() == [[9.0], [10.5]]
    assert found["n"].tolist() == [1, 2]
    assert found["unit"].tolist() == [[b"N1"], ["é".encode()]]


@BOTH
def test_an_input_of_several_values_a_row_is_its_numbered_columns(library):
    frame = library.DataFrame({"x[2]": [2, 5], "x[0]": [0.5, 3.0], "x[1]": [True, False]})
    assert sent(frame, x=("FP32", [-1, 3]))["x"].tolist() == [[0.5, 1.0, 2.0], [3.0, 0.0, 5.0]]
    assert sent(frame, x=("FP32", [-1, -1]))["x"].tolist() == [[0.5, 1.0, 2.0], [3.0, 0.0, 5.0]]


@BOTH
@pytest.mark.parametrize("datatype", [*DTYPES, "BF16"])
def test_numbered_columns_keep_their_rows_whatever_the_datatype(library, datatype):
    frame = library.DataFrame({"x[0]": [0, 1, 0], "x[1]": [1, 1, 0]})
    assert sent(frame, x=(datatype, [-1, 2]))["x"].tolist() == [[0, 1], [1, 1], [0, 0]]


@BOTH
def test_several_columns_of_text_are_one_input(library):
    frame = library.DataFrame({"t[1]": ["b", "d"], "t[0]": ["a", "c"]})
    assert sent(frame, t=("BYTES", [-1, 2]))["t"].tolist() == [[b"a", b"b"], [b"c", b"d"]]


@BOTH
@pytest.mark.parametrize("name, shape", [("x", [-1, -1]), ("x", [-1, 1]), ("a.b[0]", [-1])])
def test_one_value_a_row_is_the_column_of_the_very_name(library, name, shape):
    assert sent(library.DataFrame({name: [1, 2]}), **{name: ("INT8", shape)})[name].ravel().tolist() == [1, 2]


@BOTH
@pytest.mark.parametrize("datatype, shape", [("FP32", [-1, 3]), ("BF16", [-1, 3]), ("BYTES", [-1, 2]), ("INT64", [-1])])
def test_a_frame_without_rows_is_an_empty_batch(library, datatype, shape):
    names = ["x"] if len(shape) == 1 else [f"x[{at}]" for at in range(shape[1])]
    kind = {"BYTES": "text", "INT64": "whole"}.get(datatype, "real")
    column = {"text": ["a"], "whole": [1], "real": [0.5]}[kind]
    frame = library.DataFrame(dict.fromkeys(names, column))[:0]
    assert sent(frame, x=(datatype, shape))["x"].shape == (0, *shape[1:])


@BOTH
def test_an_input_without_values_takes_no_columns(library):
    frame = library.DataFrame({"n": [1, 2, 3]})
    assert sent(frame, n=("INT8", [-1]), x=("FP32", [-1, 0]))["x"].shape == (3, 0)


@BOTH
def test_everything_wrong_with_a_frame_is_said_at_once(library):
    frame = library.DataFrame({"n": [1.5, 2.0], "unit": [1, 2], "x[0]": [0.0, 1.0], "odd": [1, 2], "t": ["a", "b"]})
    found = refusals(
        frame,
        n=("INT64", [-1]),
        unit=("BYTES", [-1]),
        x=("FP32", [-1, 3]),
        gone=("FP32", [-1]),
        image=("FP32", [-1, 3, 3]),
        scalar=("FP32", []),
        t=("FP32", [-1, 1]),
    )
    paths = [path for path, _ in found]
    assert sorted(paths) == sorted(
        [
            'inputs["x[1]"]',
            'inputs["x[2]"]',
            "inputs.gone",
            "inputs.n[0]",
            "inputs.unit",
            "inputs.image",
            "inputs.scalar",
            "inputs.t",
            "inputs.odd",
        ]
    )
    reasons = dict(found)
    assert 'send {"x": an array of shape [-1, 3]}' in reasons['inputs["x[1]"]']
    assert "the model takes x[0] … x[2]" in reasons['inputs["x[1]"]']
    assert reasons["inputs.n[0]"] == "1.5 does not fit in INT64 unchanged"
    assert reasons["inputs.unit"].startswith("expected text or bytes for BYTES, got a column of ")
    assert reasons["inputs.t"].startswith("expected numbers for FP32, got a column of ")
    assert "has shape [-1, 3, 3]" in reasons["inputs.image"]
    assert reasons["inputs.odd"].startswith("the model has no such input; it takes n, unit, x[0] … x[2], gone")


@BOTH
def test_a_gap_in_numbered_columns_is_named(library):
    frame = library.DataFrame({"x[0]": [1], "x[2]": [1]})
    assert [path for path, _ in refusals(frame, x=("FP32", [-1, -1]))] == ['inputs["x[1]"]', 'inputs["x[2]"]']


@BOTH
def test_what_is_named_is_limited_and_the_rest_is_counted(library):
    frame = library.DataFrame({f"odd{at}": [1] for at in range(25)})
    found = refusals(frame, x=("FP32", [-1, 1000]))
    assert len(found) == 2 * (frames.NAMED_COLUMNS + 1)
    assert found[frames.NAMED_COLUMNS] == ("inputs.x", "990 more columns are missing too")
    assert found[-1] == ("inputs", "15 more columns are not the model's either")
    assert all(len(reason) < 150 for _, reason in found)


def test_labels_of_pandas_that_no_input_could_have_are_refused():
    frame = pd.DataFrame([[1, 2, 3, 4]], columns=["x", "x", 0, ("a", "b")])
    assert [path for path, _ in refusals(frame, x=("INT64", [-1]))] == [
        "inputs.x",
        "inputs.0",
        "inputs[\"('a', 'b')\"]",
    ]


def test_an_index_of_pandas_decides_nothing():
    frame = pd.DataFrame({"x": [1, 2]}, index=[7, 7]).set_index(pd.Index(["b", "a"], name="n"))
    assert sent(frame, x=("INT64", [-1]))["x"].tolist() == [1, 2]


@pytest.mark.parametrize(
    "inputs, named",
    [
        (pl.LazyFrame({"x": [1]}), r"LazyFrame \(collect it first\)"),
        (pd.Series([1], name="x"), "pandas.*Series"),
        ([{"x": 1}], "builtins.list"),
        ("x", "builtins.str"),
    ],
)
def test_what_is_neither_a_mapping_nor_a_frame_is_named(inputs, named):
    with pytest.raises(TypeError, match=named):
        sent(inputs, x=("INT64", [-1]))


@BOTH
@given(
    st.lists(
        st.tuples(
            st.floats(width=32, allow_nan=False),
            st.integers(-(2**63), 2**63 - 1),
            st.text(st.characters(codec="utf-8")),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_a_frame_is_sent_as_the_mapping_of_its_columns_would_be(library, rows):
    real, whole, text = (list(column) for column in zip(*rows, strict=True))
    columns = {"real": np.float32(real), "whole": np.int64(whole), "text": text}
    takes = {"real": ("FP32", [-1, 1]), "whole": ("INT64", [-1]), "text": ("BYTES", [-1, 1])}
    of_frame, of_mapping = sent(library.DataFrame(columns), **takes), sent(columns, **takes)
    for name in takes:
        np.testing.assert_array_equal(of_frame[name], of_mapping[name])
