"""Ends a process that publishes at every point at which it could be ended, and looks at what its gateway serves then.

A point is before, amid and after whatever is done to a file of the gateway's folder, by whomever: what is fetched and what
is given up, what the gateway remembers to have obeyed, and what the data plane writes for itself. They are counted by
`fault_points.c`, not listed. Run as a program that has it loaded: `python -m support.publishing FOLDER`.
"""

import ctypes
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import onnx
from onnx.external_data_helper import convert_model_to_external_data

from support import models
from support.forks import count_of, forked
from support.http2 import Connection, message
from support.peer import INFER_PATH
from support.registries import ANN_ASKS, Kept, open_registry
from support.traffic import request_for
from support.ups import CONFIG
from support.waiting import until
from tidegate.app import App, Settings
from tidegate.clock import SystemClock
from tidegate.core.manifests import EXTERNAL, MODEL_FILE, ONNX, PATH
from tidegate.core.names import DEFAULT, ModelName, RouteName
from tidegate.core.publications import Publication, folder_of
from tidegate.core.serving import Serving, ServingState
from tidegate.inference import open_inference_pb2 as oip
from tidegate.services import plans, routes
from tidegate.services.publications import Publications
from tidegate.services.registration import Registration, register

SUM = RouteName.parse("sum")
WEIGHTS = "weights/amount.bin"
BEFORE = "m/1"
"""What is served when it begins."""
SERVED_S = 60.0


def publish(app: App) -> Iterator[str]:
    """A change that brings a version and gives another up, and a rollback that brings that one back."""
    change(app, 2)
    yield "m/2"
    routes.rollback(app.registry, ANN_ASKS, SUM, to=1)
    follow(app)
    yield "m/1"


def change(app: App, number: int) -> None:
    """Has the route be answered by one version, which is loaded for that, and nothing else kept."""
    document = {"route": "sum", "split": {f"m/{number}": 1}, "keep_warm_s": 0}
    planned = plans.plan(app.registry, ANN_ASKS, document)
    plans.apply(app.registry, ANN_ASKS, planned.plan.id, release_hold=True)
    follow(app)


def follow(app: App) -> None:
    """Waits until the gateway serves the route as the registry has it."""
    head, _ = routes.get(app.registry, SUM)
    assert app.publisher.follow(SUM, head.seq, SERVED_S) == Serving(state=ServingState.SERVED)


def start(folder: Path) -> App:
    return App(Settings(folder=folder, admin="127.0.0.1:0", config=folder.parent / "config.yaml", events=()))


def answer(app: App) -> str:
    """The version that answers, as it says itself, and as it adds up."""
    with Connection(app.gateway.grpc_address) as connection:
        answered = connection.call(INFER_PATH, message(request_for("sum")))
    found = oip.ModelInferResponse.FromString(answered.messages()[0])
    [amount] = {float(value) for value in memoryview(found.raw_output_contents[0]).cast("f")}
    assert found.parameters["tidegate_version"].string_param == f"m/{amount:.0f}"
    return f"m/{amount:.0f}"


def prepare(folder: Path) -> None:
    """A registry with three versions, the first of which is served."""
    kept = open_registry(folder)
    kept.clock.us = SystemClock().now_us()
    for number in (1, 2, 3):
        register(
            kept.registry,
            kept.blobs,
            kept.caller,
            Registration(model=ModelName.parse("m"), files=files(kept, number), evidence=()),
        )
    kept.store.close()
    app = start(folder)
    change(app, 1)
    end(app)


def files(kept: Kept, number: int):
    """A model with its weights in a folder beside it."""
    model = models.add(number)
    convert_model_to_external_data(model, location=WEIGHTS, size_threshold=0)
    raw = kept.folder / f"raw-{number}"
    (raw / WEIGHTS).parent.mkdir(parents=True)
    onnx.save_model(model, raw / MODEL_FILE)
    return (
        kept.file(MODEL_FILE, (raw / MODEL_FILE).read_bytes(), ONNX),
        kept.file(WEIGHTS, (raw / WEIGHTS).read_bytes(), EXTERNAL),
    )


def end(app: App) -> None:
    """Ends as a signal does."""
    app.gateway.drain()
    while app.gateway.wait(1_000) is None:
        pass
    app.close()


def run(folder: Path, end_at: int, tell: Callable[[object], None]) -> None:
    """Publishes up to a point, telling what is acknowledged, and in the end how many points were passed."""
    app = start(folder)
    points = ctypes.CDLL(None)
    points.fault_points_begin(str(folder / "gateway").encode(), ctypes.c_long(end_at))
    for done in publish(app):
        tell(done)
    app.publisher.stop()
    tell(points.fault_points_passed())


def check(folder: Path, expected: set[str]) -> None:
    """What was acknowledged is served from the first moment on; nothing is half done; and it goes on."""
    app = start(folder)
    answered = answer(app)
    assert answered in expected
    follow(app)
    check_files(folder, Publications(app.registry, DEFAULT, DEFAULT).newest())
    number = 3 if answered == BEFORE else 1
    change(app, number)
    assert answer(app) == f"m/{number}"
    app.publisher.stop()
    check_files(folder, Publications(app.registry, DEFAULT, DEFAULT).newest())


def check_files(folder: Path, publication: Publication) -> None:
    """There is what is published, whole, and nothing else, once what is given up is gone."""
    gateway, blobs = folder / "gateway", folder / "artifacts" / "blobs" / "sha256"
    wanted = {}
    for version, pinned in publication.versions.items():
        manifest = json.loads((blobs / pinned["digest"].removeprefix("sha256:")).read_text())
        for layer in manifest["layers"]:
            wanted[f"models/{folder_of(version)}/{layer['annotations'][PATH]}"] = layer["digest"]
    marks = {f"models/.fetched/{folder_of(version)}" for version in publication.versions}
    whole = {*wanted, *marks, "obeyed.json", "state/applied.json", "state/lock"}
    until(lambda: leaves_below(gateway) == whole, what=f"{whole} and nothing else is there")
    for path, digest in wanted.items():
        assert f"sha256:{hashlib.sha256((gateway / path).read_bytes()).hexdigest()}" == digest, path
    for path in ("obeyed.json", "state/applied.json"):
        json.loads((gateway / path).read_text())


def leaves_below(folder: Path) -> set[str]:
    """Every file of a folder, and every folder in it that is empty."""
    # `os.walk` passes over what goes away meanwhile.
    found = set()
    for where, folders, names in os.walk(folder):
        found |= {str(Path(where, name).relative_to(folder)) for name in names if name != "admin.sock"}
        if not folders and not names:
            found.add(str(Path(where).relative_to(folder)))
    return found - {"models/.fetching"}


def main(folder: Path) -> None:
    (folder / "config.yaml").write_text(CONFIG)
    prepared = folder / "prepared"
    prepared.mkdir()
    assert forked(lambda _: prepare(prepared)).code == 0

    def fresh(name: str) -> Path:
        return Path(shutil.copytree(prepared, folder / name, ignore=shutil.ignore_patterns("admin.sock")))

    whole = forked(lambda tell: run(fresh("whole"), 0, tell))
    assert whole.code == 0
    *acknowledged, count = whole.said
    served = [BEFORE, *acknowledged]

    def try_one(end_at: int) -> bool:
        tried = fresh(f"at-{end_at}")
        ended = forked(lambda tell: run(tried, end_at, tell))
        assert ended.is_killed or ended.code == 0
        at = sum(line in acknowledged for line in ended.said)
        # What was under way when it ended may be in force, whole, or not.
        checked = forked(lambda _: check(tried, set(served[at : at + 2])))
        assert checked.code == 0, f"ended at point {end_at} of {count}, after {ended.said}: {tried}"
        shutil.rmtree(tried)
        return ended.is_killed

    # Threads of the data plane write too, now before others and now after them, and sometimes once for two changes.
    print(json.dumps({"points": count_of(range(1, int(count) + 1), try_one)}))  # the test reads it


if __name__ == "__main__":
    main(Path(sys.argv[1]))
