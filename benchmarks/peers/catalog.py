"""The servers that are measured beside each other, and how each is started."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers import environments
from benchmarks.peers.processes import HOST, Counters, Foreign, free_ports
from benchmarks.servers import Counted, Server, Tidegate, first_versions, split_routes

HERE = Path(__file__).parent
PROTO = environments.ROOT / "proto"
# Triton's Python stub is linked against a distribution's interpreter and ends on builds of other makers.
SYSTEM_PYTHON = "/usr/bin/python3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What servers are started with; `first` is a request for each model, to see that a server answers."""

    tidegate: Path
    repository: Path
    work: Path
    first: Mapping[str, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A server by its name in tables, how to start it, and what its environment is called if it has one of its own.

    Of several with the same `instead` only the fastest is measured. One that `may_fail` to start is told in the table.
    """

    name: str
    start: Callable[[Stage, str], Server]
    environment: str = ""
    packages: tuple[str, ...] = ()
    instead: str = ""
    may_fail: bool = True

    def interpreter(self) -> Path:
        """The Python of its environment, which is made when it is not there."""
        return _python(self.environment)


def _python(environment: str) -> Path:
    base = SYSTEM_PYTHON if environment == "pytriton" and Path(SYSTEM_PYTHON).exists() else sys.executable
    return environments.interpreter(environment, base=base)


def _tidegate(stage: Stage, name: str) -> Server:
    return Tidegate(stage.tidegate, stage.repository, stage.work, name=name)


def _python_front(stage: Stage, name: str) -> Server:
    fields = {"routes": split_routes(), "front": "python"}
    return Tidegate(stage.tidegate, stage.repository, stage.work, name=name, fields=fields)


def _grpc_aio(*more: str) -> Callable[[Stage, str], Server]:
    def start(stage: Stage, name: str) -> Server:
        generated = _generated(stage.work)
        command = [str(_python("grpc-aio")), str(HERE / "grpc_aio/server.py"), *more]
        for named in first_versions(stage.repository):
            command += ["--model", named]
        env = environments.clean() | {"PYTHONPATH": str(generated)}
        return Counted(name, command, stage.work / f"{_slug(name)}.log", env)

    return start


def _kserve(stage: Stage, name: str) -> Server:
    grpc, http = free_ports(2)
    command = [str(_python("kserve")), str(HERE / "kserve/server.py"), *first_versions(stage.repository)]
    # No line of log for each request, as an operator in a hurry has it.
    command += ["--configure_logging", "false", "--enable_latency_logging", "false"]
    command += ["--grpc_port", str(grpc), "--http_port", str(http)]
    counters = Counters(
        url=f"http://{HOST}:{http}/metrics",
        label="model_name",
        ok="request_postprocess_seconds_count",
        failed="request_predict_seconds_count",
        failed_has_ok=True,
    )
    return _foreign(stage, name, command, port=grpc, counters=counters)


def _mlserver(parallel_workers: int) -> Callable[[Stage, str], Server]:
    def start(stage: Stage, name: str) -> Server:
        grpc, http, metrics = free_ports(3)
        folder = stage.work / _slug(name)
        for named in first_versions(stage.repository):
            model, path = named.split("=", 1)
            settings = {
                "name": model,
                "implementation": "onnx_runtime.OnnxRuntime",
                "parameters": {"version": "1", "uri": path},
            }
            _write(folder / "models" / model / "model-settings.json", settings)
        # Debug is on as it comes, with a line of log for each request.
        settings = {
            "debug": False,
            "host": HOST,
            "grpc_port": grpc,
            "http_port": http,
            "metrics_port": metrics,
            "parallel_workers": parallel_workers,
        }
        _write(folder / "models/settings.json", settings)
        shutil.copy(HERE / "mlserver/onnx_runtime.py", folder / "models")
        command = [str(_python("mlserver").parent / "mlserver"), "start", "models"]
        counters = Counters(
            url=f"http://{HOST}:{metrics}/metrics",
            label="model",
            ok="model_infer_request_success_total",
            failed="model_infer_request_failure_total",
        )
        return _foreign(stage, name, command, port=grpc, counters=counters)

    return start


def _pytriton(stage: Stage, name: str) -> Server:
    grpc, http, metrics = free_ports(3)
    command = [str(_python("pytriton")), str(HERE / "pytriton/server.py")]
    command += ["--grpc", str(grpc), "--http", str(http), "--metrics", str(metrics)]
    for named in first_versions(stage.repository):
        command += ["--model", named]
    counters = Counters(
        url=f"http://{HOST}:{metrics}/metrics",
        label="model",
        ok="nv_inference_request_success",
        failed="nv_inference_request_failure",
    )
    return _foreign(stage, name, command, port=grpc, counters=counters)


PLAIN = "plain grpc.aio"
PYTHON_FRONT = "Tidegate, front: python"
ENTRIES = (
    Entry(name="Tidegate", start=_tidegate, may_fail=False),
    Entry(name=PYTHON_FRONT, start=_python_front, may_fail=False),
    Entry(
        name=PLAIN,
        start=_grpc_aio(),
        environment="grpc-aio",
        packages=("grpcio", "protobuf", "onnxruntime", "numpy"),
        may_fail=False,
    ),
    Entry(name="grpc.aio on uvloop", start=_grpc_aio("--loop", "uvloop"), environment="grpc-aio", packages=("uvloop",)),
    Entry(name="KServe", start=_kserve, environment="kserve", packages=("kserve", "grpcio", "onnxruntime")),
    Entry(
        name="MLServer, no workers",
        start=_mlserver(0),
        environment="mlserver",
        packages=("mlserver", "grpcio", "onnxruntime", "uvloop"),
        instead="MLServer",
    ),
    Entry(name="MLServer, one worker", start=_mlserver(1), environment="mlserver", instead="MLServer"),
    Entry(
        name="PyTriton",
        start=_pytriton,
        environment="pytriton",
        packages=("nvidia-pytriton", "grpcio", "onnxruntime"),
    ),
)


def _foreign(stage: Stage, name: str, command: list[str], *, port: int, counters: Counters) -> Server:
    folder = stage.work / _slug(name)
    folder.mkdir(exist_ok=True)
    return Foreign(
        name,
        command,
        port=port,
        counters=counters,
        first=stage.first,
        folder=folder,
        env=environments.clean(),
    )


def _generated(work: Path) -> Path:
    """The folder with the messages and services that grpcio-tools makes of the protocol."""
    folder = work / "generated"
    if not folder.exists():
        folder.mkdir()
        sources = [str(path) for path in sorted((PROTO / "inference").glob("*.proto"))]
        command = [sys.executable, "-m", "grpc_tools.protoc", f"-I{PROTO}"]
        subprocess.run([*command, f"--python_out={folder}", f"--grpc_python_out={folder}", *sources], check=True)
    return folder


def _write(path: Path, document: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def _slug(name: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in name)
