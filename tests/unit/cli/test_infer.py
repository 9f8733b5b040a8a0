"""`tidegate infer` against a real server: rows in, a table or JSON out, sentences and exit codes where it fails."""

import json
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
import typer
from typer.testing import CliRunner

from support.scripted_server import Failure, Server, echo, metadata_of, unavailable
from tidegate.cli import infer
from tidegate.inference import error_details_pb2, open_inference_pb2

ROWS = [{"hour": 9, "carrier": "HA"}, {"hour": 10.25, "carrier": "[bold]é"}]


@pytest.fixture
def server():
    handler = Server()
    running = grpc.server(ThreadPoolExecutor(max_workers=4), handlers=[handler])
    handler.address = f"127.0.0.1:{running.add_insecure_port('127.0.0.1:0')}"
    running.start()
    handler.script("ModelMetadata", metadata_of(hour=("FP32", [-1, 1]), carrier=("BYTES", [-1, 1])))
    handler.script("ModelInfer", echo)
    yield handler
    running.stop(grace=None).wait()


@pytest.fixture
def run(server, tmp_path):
    app = typer.Typer()
    infer.register(app)

    def run(document, *arguments, text=None):
        path = tmp_path / "rows.json"
        path.write_text(json.dumps(document) if text is None else text, encoding="utf-8")
        return CliRunner().invoke(app, ["m", "--rows", str(path), "--address", server.address, *arguments])

    return run


def test_rows_become_a_table(run):
    ended = run(ROWS)
    assert ended.exit_code == 0, ended.stderr
    lines = [[cell.strip() for cell in line.split("│")] for line in ended.stdout.splitlines()]
    assert ["", "9", "HA", ""] in lines
    assert ["", "10.25", "[bold]é", ""] in lines


def test_a_model_cannot_write_to_the_terminal(run):
    ended = run([{"hour": 1, "carrier": "\x1b[31mred\n"}])
    assert "\\x1b[31mred\\n" in ended.stdout
    assert "\x1b" not in ended.stdout


def test_outputs_of_different_lengths_are_a_line_each(run, server):
    response = open_inference_pb2.ModelInferResponse(model_name="m")
    response.outputs.add(name="a", datatype="INT64", shape=[]).contents.int64_contents.append(1)
    response.outputs.add(name="b", datatype="INT64", shape=[2]).contents.int64_contents.extend([2, 3])
    server.script("ModelMetadata", metadata_of(a=("INT64", []), b=("INT64", [-1])))
    server.script("ModelInfer", response)
    ended = run({"a": 1, "b": [2, 3]})
    lines = [[cell.strip() for cell in line.split("│")] for line in ended.stdout.splitlines()]
    assert ["", "a", "1", ""] in lines
    assert ["", "b", "[2, 3]", ""] in lines


@pytest.mark.parametrize("document", [ROWS, {"hour": [9, 10.25], "carrier": ["HA", "[bold]é"]}])
def test_rows_and_columns_are_the_same_request(run, document):
    ended = run(document, "--output", "json")
    assert ended.exit_code == 0, ended.stderr
    answer = json.loads(ended.stdout)
    assert answer["outputs"] == {"hour": [[9.0], [10.25]], "carrier": [["HA"], ["[bold]é"]]}
    assert answer["model"] == "m"


def test_metadata_parameters_and_version_are_sent(run, server):
    ended = run(ROWS, "--metadata", "x-unit=N1=2", "--param", "n=3", "--param", "unit=N1", "--version", "4")
    assert ended.exit_code == 0, ended.stderr
    request = open_inference_pb2.ModelInferRequest.FromString(server.requests[-1][1])
    assert request.model_version == "4"
    assert request.parameters["n"].int64_param == 3
    assert request.parameters["unit"].string_param == "N1"
    assert server.metadata[-1]["x-unit"] == "N1=2"


def test_rows_come_from_standard_input_too(server):
    app = typer.Typer()
    infer.register(app)
    ended = CliRunner().invoke(app, ["m", "--rows", "-", "--address", server.address], input=json.dumps(ROWS))
    assert ended.exit_code == 0, ended.stderr


@pytest.mark.parametrize(
    "text, sentence",
    [
        ("{", "is not JSON: Expecting property name enclosed in double quotes in line 1, column 2."),
        ("3", "The rows are neither a list of objects nor an object of columns."),
        ("[]", "There are no rows; name the inputs with empty columns to send an empty batch."),
        ('[{"a": 1}, {"b": 1}]', "Row 1 and row 0 differ in their names: a, b."),
    ],
)
def test_unusable_rows_are_one_sentence_and_exit_2(run, text, sentence):
    ended = run(None, text=text)
    assert ended.exit_code == 2
    assert ended.stderr.endswith(sentence + "\n")
    assert ended.stderr.count("\n") == 1


def test_a_missing_file_and_a_bad_pair_are_exit_2(run, tmp_path):
    ended = run(ROWS, "--rows", str(tmp_path / "none.json"))
    assert (ended.exit_code, ended.stderr) == (
        2,
        f"{tmp_path / 'none.json'} cannot be read: No such file or directory.\n",
    )
    ended = run(ROWS, "--metadata", "x-unit")
    assert (ended.exit_code, ended.stderr) == (2, "--metadata takes KEY=VALUE, not 'x-unit'.\n")


def test_each_violation_is_a_line(run):
    ended = run([{"hour": 1e39, "tail": 1}])
    assert ended.exit_code == 2
    assert ended.stderr.splitlines() == [
        "inputs.carrier: is missing; the model takes hour, carrier",
        "inputs.hour[0]: 1e+39 does not fit in FP32 unchanged",
        "inputs.tail: the model has no such input; it takes hour, carrier",
    ]


def test_a_failure_is_a_sentence_with_its_reason_and_exit_1(run, server):
    reason = error_details_pb2.ErrorInfo(reason="UNKNOWN_MODEL")
    server.script("ModelMetadata", Failure(grpc.StatusCode.NOT_FOUND, "There is no route or model m.", reason))
    ended = run(ROWS)
    assert (ended.exit_code, ended.stderr) == (1, "There is no route or model m (UNKNOWN_MODEL).\n")


def test_a_gateway_that_drains_is_exit_1(run, server):
    server.script("ModelInfer", unavailable())
    ended = run(ROWS, "--timeout", "20")
    assert (ended.exit_code, ended.stderr) == (1, "draining (DRAINING).\n")
