"""A model is run over rows of a table, and what it answers is a table again."""

import numpy as np
import onnxruntime
import pyarrow as pa
import pytest

from support import models as small_models
from support.departures import departures
from tidegate.drift.columns import read_whole
from tidegate.drift.errors import ModelUnusable
from tidegate.drift.models import BATCH_ROWS, Model, predictions
from tidegate.drift.signatures import bind
from tidegate.drift.tables import read_table


def predicted(path, data, columns=None):
    model = Model(path)
    table = read_table(data, name="data")
    return model.predict(table, bind(model.signature, table, columns))


def test_every_row_is_answered_once_whatever_the_batches(model):
    rows = BATCH_ROWS + 7
    table = departures(rows)
    (answer,) = predicted(model, table).values()
    whole = {
        "carrier": table.column("carrier").to_numpy().reshape(rows, 1),
        "dep_hour": table.column("dep_hour").to_numpy().astype(np.float32).reshape(rows, 1),
    }
    np.testing.assert_allclose(answer, onnxruntime.InferenceSession(model).run(None, whole)[0], rtol=1e-6)


@pytest.mark.parametrize("datatype", ["BOOL", "INT8", "UINT16", "INT64", "FP16", "FP32", "FP64"])
def test_inputs_and_outputs_keep_their_datatype(datatype, tmp_path):
    path = small_models.save(tmp_path, "model", 1, small_models.identity(datatype))
    outputs = predicted(path, {f"x[{at}]": [0, 1] for at in range(3)})
    table, (tensor,) = predictions(outputs, "model.onnx")
    assert (tensor.name, tensor.datatype, tensor.columns) == ("y", datatype, ("y[0]", "y[1]", "y[2]"))
    assert read_whole(table, "y[1]", datatype).tolist() == [0, 1]


def test_texts_go_in_and_come_out(tmp_path):
    path = small_models.save(tmp_path, "model", 1, small_models.strings())
    outputs = predicted(path, {"text": ["HA", None, "Ünï"]})
    table, (tensor,) = predictions(outputs, "model.onnx")
    assert (tensor.name, tensor.datatype) == ("same", "BYTES")
    assert table.column("same").to_pylist() == ["HA", "", "Ünï"]


def test_outputs_of_more_axes_are_left_out():
    table, tensors = predictions({"image": np.zeros((2, 3, 4)), "score": np.float32([0.1, 0.2])}, "model.onnx")
    assert [tensor.name for tensor in tensors] == ["score"]
    assert list(table.columns) == ["score"]


def test_a_model_of_a_fixed_number_of_rows_is_refused(tmp_path):
    path = small_models.save(tmp_path, "fixed", 1, small_models.fixed_shape())
    with pytest.raises(ModelUnusable, match="fails on rows 0 to 4 of data: "):
        predicted(path, pa.table({f"x[{at}]": pa.array([1.0] * 5) for at in range(3)}))
