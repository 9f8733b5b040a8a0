"""The models: three scikit-learn pipelines that guess whether a flight arrives late, as ONNX files, and a torn one.

Each has a profile beside it, of the flights that it has learnt from and of its predictions for days that it has not seen.
Everything the models need is inside their graphs: the carrier goes in as a string, a probability comes out. So
a caller needs no scikit-learn, and no code that could differ between training and serving.
"""

import hashlib
import shutil
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, compose, helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from tidegate import drift
from tidegate.demo.flights import Flight, columns
from tidegate.drift.assembly import FORMAT

TRAINING_MONTHS = range(1, 4)
# Every eighth day is left for the profiles' predictions: eleven days, for ten are the fewest that say how much days wander,
# and each day of the week among them.
HELD_OUT_EVERY = 8
LABEL = "late"
ROWS = "rows"  # the name of the first axis everywhere, so that a server sees that rows may be batched
OPSETS = {"": 17, "ai.onnx.ml": 3}
TORN_NUMBER = 9
MODEL = "model.onnx"
PROFILE = "profile.json"
STAMP = "models.sha256"  # beside the repository, never in it: a version folder holds its model and its profile


def train_models(repository: Path, name: str, archive: Path, read: Callable[[], Sequence[Flight]]) -> bool:
    """Write `<repository>/<name>/1/model.onnx` to `…/3/…` with profiles, half of one as `…/9/…`, unless the same recipe did.

    Returns whether the models are new. `read` gives the flights to learn from and is called only when needed.
    """
    stamp = repository.parent / STAMP
    recipe = _recipe_digest(archive)
    if stamp.exists() and stamp.read_text() == recipe:
        return False
    stamp.unlink(missing_ok=True)
    shutil.rmtree(repository, ignore_errors=True)
    learnt, held_out = hold_out(read())
    for number, pipeline in enumerate((logistic_regression(), gradient_boosting(), more_boosting()), start=1):
        folder = repository / name / str(number)
        train(pipeline, learnt, held_out, folder)
    whole = (folder / MODEL).read_bytes()
    _save(repository / name / str(TORN_NUMBER), whole[: len(whole) // 2])
    stamp.write_text(recipe)
    return True


def train(pipeline: Pipeline, learnt: Sequence[Flight], held_out: Sequence[Flight], folder: Path) -> None:
    """Fit a pipeline, and write it into a folder that is made: `model.onnx`, with `profile.json` of what it has seen."""
    pipeline.fit(features(learnt), labels(learnt))
    model = _save(folder, export(pipeline).SerializeToString())
    profile = drift.build_profile(columns(learnt), model=model, holdout=columns(held_out), label=LABEL, time="planned")
    (folder / PROFILE).write_text(profile.text)


def hold_out(flights: Sequence[Flight]) -> tuple[list[Flight], list[Flight]]:
    """The flights to learn from, and those of every eighth day."""
    first = min(flight.day for flight in flights)
    parts: tuple[list[Flight], list[Flight]] = ([], [])
    for flight in flights:
        parts[(flight.day - first + 1) % HELD_OUT_EVERY == 0].append(flight)
    return parts


def logistic_regression() -> Pipeline:
    """Version 1: each carrier has its own rate, and the odds grow evenly through the day."""
    return make_pipeline(_columns(StandardScaler()), LogisticRegression(max_iter=500))


def gradient_boosting() -> Pipeline:
    """Version 2: small trees, which also see that carriers have different days."""
    trees = GradientBoostingClassifier(n_estimators=60, max_depth=4, subsample=0.5, random_state=2013)
    return make_pipeline(_columns("passthrough"), trees)


def more_boosting() -> Pipeline:
    """Version 3: as version 2 with more and smaller trees; close to it, and not the same."""
    trees = GradientBoostingClassifier(n_estimators=120, max_depth=3, subsample=0.5, random_state=2014)
    return make_pipeline(_columns("passthrough"), trees)


def features(flights: Sequence[Flight]) -> NDArray[np.object_]:
    """The table the pipelines learn from, of shape [flights, 2]: carrier, planned hour of departure.

    Hours are rounded to 32 bits, the precision in which they are served, so that no tree splits between the two.
    """
    table = np.empty((len(flights), 2), dtype=np.object_)
    table[:, 0] = [flight.carrier for flight in flights]
    table[:, 1] = np.array([flight.dep_hour for flight in flights], dtype=np.float32)
    return table


def labels(flights: Sequence[Flight]) -> NDArray[np.int64]:
    """What the pipelines learn, of shape [flights]: 1 for a flight that came late."""
    return np.array([flight.is_late for flight in flights], dtype=np.int64)


def export(pipeline: Pipeline) -> onnx.ModelProto:
    """Turn a fitted pipeline into ONNX.

    In: `carrier` (string) and `dep_hour` (float), each [rows, 1]. Out: `label` (int64, [rows], 1 is late) and
    `probability` (float, [rows, 1]) of being late, cut from the two columns that scikit-learn gives.
    """
    inputs = [("carrier", StringTensorType([None, 1])), ("dep_hour", FloatTensorType([None, 1]))]
    # ZipMap would make the probabilities a list of dictionaries, which no tensor protocol can carry.
    model: onnx.ModelProto = to_onnx(pipeline, initial_types=inputs, options={"zipmap": False}, target_opset=OPSETS)
    model = compose.add_prefix(model, "sklearn/", rename_inputs=False)
    _name_outputs(model.graph)
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = ROWS
    onnx.checker.check_model(model, full_check=True)
    return model


def area_under_curve(is_late: Sequence[bool], probabilities: Sequence[float]) -> float | None:
    """ROC AUC: how often a late flight got a higher probability than a punctual one; None without both kinds."""
    if all(is_late) or not any(is_late):
        return None
    return float(roc_auc_score(is_late, probabilities))


def _save(folder: Path, content: bytes) -> Path:
    folder.mkdir(parents=True)
    (folder / MODEL).write_bytes(content)
    return folder / MODEL


def _columns(hour: StandardScaler | str) -> ColumnTransformer:
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return ColumnTransformer([("carrier", one_hot, [0]), ("hour", hour, [1])])


def _name_outputs(graph: onnx.GraphProto) -> None:
    label, both_columns = (value.name for value in graph.output)
    graph.initializer.append(helper.make_tensor("late_column", TensorProto.INT64, [1], [1]))
    graph.node.append(helper.make_node("Identity", [label], ["label"]))
    graph.node.append(helper.make_node("Gather", [both_columns, "late_column"], ["probability"], axis=1))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info("label", TensorProto.INT64, [ROWS]))
    graph.output.append(helper.make_tensor_value_info("probability", TensorProto.FLOAT, [ROWS, 1]))


def _recipe_digest(archive: Path) -> str:
    """What decides the models and their profiles: the flights, the code, the libraries. Any change trains anew."""
    libraries = " ".join(f"{name}={version(name)}" for name in ("numpy", "onnx", "scikit-learn", "skl2onnx"))
    digest = hashlib.sha256(f"{libraries} {FORMAT}".encode())
    of_profiles = sorted(Path(drift.__file__).parent.glob("*.py"))
    for path in (archive, Path(__file__), Path(__file__).with_name("flights.py"), *of_profiles):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
