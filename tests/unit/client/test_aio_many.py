"""`infer_many` of the client for asyncio: what each request may have of its own, what is no request, and the bar."""

import asyncio
import io
import sys
from contextlib import aclosing

import pandas as pd
import pytest

from support.scripted_server import echo, metadata_of
from tidegate.client.aio import Client, Request
from tidegate.inference.open_inference_pb2 import ModelInferRequest


@pytest.fixture(autouse=True)
def _model(server):
    server.script("ModelMetadata", metadata_of(x=("INT64", [-1])))
    server.script("ModelInfer", echo)


def test_each_of_many_requests_may_have_its_own_metadata(server):
    async def run():
        requests = [Request({"x": [n]}, {"X-Unit": str(n)}, {"n": n}, request_id=f"#{n}") for n in range(20)]
        async with Client(server.address) as client:
            common = {"metadata": {"x-unit": "all", "x-team": "ours"}, "parameters": {"n": -1, "flag": True}}
            return [answer.id async for answer in client.infer_many("m", requests, outputs=iter(["x"]), **common)]

    assert asyncio.run(run()) == [f"#{n}" for n in range(20)]
    asked = [
        (ModelInferRequest.FromString(raw), metadata)
        for (method, raw), metadata in zip(server.requests, server.metadata, strict=True)
        if method == "ModelInfer"
    ]
    for request, metadata in asked:
        number = request.parameters["n"].int64_param
        assert request.id == f"#{number}"
        assert request.parameters["flag"].bool_param
        assert [output.name for output in request.outputs] == ["x"]
        assert (metadata["x-unit"], metadata["x-team"]) == (str(number), "ours")


@pytest.mark.parametrize(
    "inputs, settings, error",
    [
        ({"x": [1]}, {}, TypeError),
        (pd.DataFrame({"x": [1]}), {}, TypeError),
        ("x", {}, TypeError),
        ([], {"concurrency": 0}, ValueError),
        ([], {"on_error": "ignore"}, ValueError),
    ],
)
def test_many_requests_that_are_none_are_refused_at_once(inputs, settings, error):
    with pytest.raises(error):
        Client("127.0.0.1:1").infer_many("m", inputs, **settings)


def test_a_request_among_many_that_is_none_is_named(server):
    async def run():
        async with Client(server.address) as client, aclosing(client.infer_many("m", [{"x": [1]}, 7])) as answers:
            await anext(answers)
            with pytest.raises(TypeError, match=r"not builtins\.int"):
                await anext(answers)

    asyncio.run(run())


class Terminal(io.StringIO):
    """A stderr that says it is a terminal."""

    def isatty(self):
        return True


@pytest.mark.parametrize("stderr", [Terminal(), io.StringIO(), None])
def test_progress_is_drawn_on_a_terminal_only(server, monkeypatch, capsys, stderr):
    async def run():
        async with Client(server.address) as client:
            numbers = [{"x": [number]} for number in range(3)]
            async for answer in client.infer_many("m", numbers, progress=True):
                print(answer["x"].tolist())

    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", stderr)
        asyncio.run(run())
    if stderr is not None:
        assert ("3/3" in stderr.getvalue()) == stderr.isatty()
        assert stderr.isatty() or not stderr.getvalue()
    assert capsys.readouterr().out == "[0]\n[1]\n[2]\n"


def test_progress_without_rich_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "rich", None)
    with pytest.raises(ModuleNotFoundError, match=r"^progress=True needs rich: pip install rich$"):
        Client("127.0.0.1:1").infer_many("m", [], progress=True)
