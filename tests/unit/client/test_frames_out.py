"""Answers become frames, whose columns have the names that inputs have."""

import subprocess
import sys

import numpy as np
import pandas as pd
import polars as pl
import pytest

from support.scripted_server import echo, metadata_of
from tidegate.client.answer import Answer, read
from tidegate.inference.open_inference_pb2 import ModelInferResponse

BOTH = pytest.mark.parametrize("library", [pd, pl], ids=["pandas", "polars"])


def answer_of(**outputs):
    """An answer with these outputs."""
    arrays = {name: np.asarray(values) for name, values in outputs.items()}
    message = ModelInferResponse(model_name="m")
    told = read(message, {})
    return Answer(**{name: getattr(told, name) for name in Answer.__slots__} | {"outputs": arrays})


def test_an_answer_is_a_frame_with_the_names_that_inputs_have():
    answer = answer_of(
        label=np.array([3, 4]),
        score=np.float32([[0.5], [0.25]]),
        x=np.float64([[1, 2, 3], [4, 5, 6]]),
        unit=np.array([[b"N1"], ["é".encode()]], dtype=object),
        none=np.empty((2, 0)),
    )
    of_pandas, of_polars = answer.to_pandas(), answer.to_polars()
    assert list(of_pandas) == of_polars.columns == ["label", "score", "x[0]", "x[1]", "x[2]", "unit"]
    assert of_pandas.to_dict("list") == of_polars.to_dict(as_series=False)
    assert of_polars.row(1) == (4, 0.25, 4.0, 5.0, 6.0, "é")
    assert (of_polars["score"].dtype, of_polars["unit"].dtype) == (pl.Float32, pl.String)
    assert of_pandas["score"].dtype == np.float32


def test_bytes_that_are_no_text_come_as_bytes_if_asked():
    answer = answer_of(key=np.array([b"\xff", b"a"], dtype=object))
    assert answer.to_pandas(text=False)["key"].tolist() == [b"\xff", b"a"]
    assert answer.to_polars(text=False)["key"].dtype == pl.Binary
    for convert in (answer.to_pandas, answer.to_polars):
        with pytest.raises(UnicodeDecodeError):
            convert()


@pytest.mark.parametrize("dtype", [np.bool_, np.int8, np.uint64, np.float16, np.float32, np.float64])
def test_every_datatype_comes_out_with_its_values(dtype):
    answer = answer_of(y=np.array([0, 1], dtype=dtype))
    assert answer.to_pandas()["y"].tolist() == answer.to_polars()["y"].to_list() == [0, 1]


def test_an_answer_without_rows_keeps_its_columns():
    answer = answer_of(y=np.empty((0, 2)), t=np.empty(0, dtype=object))
    assert list(answer.to_pandas()) == answer.to_polars().columns == ["y[0]", "y[1]", "t"]


@pytest.mark.parametrize(
    "outputs",
    [
        {"y": np.zeros(2), "z": np.zeros(3)},
        {"y": np.float32(1), "z": np.zeros(1)},
        {"y": np.zeros((1, 2, 3)), "z": np.zeros(1)},
    ],
)
def test_outputs_that_are_no_columns_are_named(outputs):
    answer = answer_of(**outputs)
    for convert in (answer.to_pandas, answer.to_polars):
        with pytest.raises(ValueError, match=r"y \[.*\], z \[.\]"):
            convert()


@BOTH
def test_what_comes_out_can_go_in_again(library, client, server):
    server.script("ModelMetadata", metadata_of(x=("FP32", [-1, 2]), unit=("BYTES", [-1, 1])))
    server.script("ModelInfer", echo)
    frame = library.DataFrame({"unit": ["N1", "N2"], "x[1]": [1.0, 2.0], "x[0]": [3.0, 4.0]})
    convert = Answer.to_pandas if library is pd else Answer.to_polars
    first = convert(client.infer("m", frame))
    again = convert(client.infer("m", first))
    assert again.equals(first)
    assert sorted(again) == sorted(frame) if library is pd else sorted(again.columns) == sorted(frame.columns)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_library_that_is_absent_is_asked_for_in_one_sentence(monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ModuleNotFoundError, match=f"^to_{library} needs {library}: pip install {library}$"):
        getattr(answer_of(y=np.zeros(1)), f"to_{library}")()


def test_no_library_of_frames_is_loaded_by_a_client():
    program = (
        "import sys; from tidegate.client import aio, requests, signatures;"
        "empty = signatures.ModelMetadata(name='', versions=(), platform='', inputs=(), outputs=());"
        "requests.build(requests.Ask(model='m', inputs={}), empty);"
        "print({'pandas', 'polars', 'rich'} & set(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "set()\n"
