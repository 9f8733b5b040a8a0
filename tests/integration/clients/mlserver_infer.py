"""`mlserver infer`, MLServer's command for files of requests: it speaks HTTP, whatever its server speaks."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

LIMIT_S = 60


def test_a_file_of_requests_is_answered_line_by_line(address, answers):
    with tempfile.TemporaryDirectory() as folder:
        asked, answered = Path(folder, "asked.json"), Path(folder, "answered.json")
        asked.write_text("".join(f"{json.dumps(_request(number, row))}\n" for number, row in enumerate(answers["x"])))
        # Four requests become one, in the binary form of tritonclient's HTTP client.
        where = ["-u", answers["http"], "-m", "scorer", "-i", str(asked), "-o", str(answered)]
        _infer(*where, "--batch-size", "4", "--binary-data")
        lines = [json.loads(line) for line in answered.read_text().splitlines()]
    found = {line["parameters"]["batch_index"]: line for line in lines}
    assert sorted(found) == list(range(len(answers["x"])))
    for number, known in enumerate(answers["2"]["probability"]):
        (probability,) = found[number]["outputs"]
        np.testing.assert_allclose(np.float32(probability["data"]).ravel(), np.float32(known), rtol=1e-5)


def _request(number: int, row: list[float]) -> dict:
    tensor = {"name": "x", "datatype": "FP32", "shape": [1, len(row)], "data": row}
    return {"id": str(number), "inputs": [tensor], "outputs": [{"name": "probability"}]}


def _infer(*arguments: str) -> None:
    command = Path(sys.executable).with_name("mlserver")
    ended = subprocess.run(
        [str(command), "infer", *arguments], capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert ended.returncode == 0, ended.stderr
