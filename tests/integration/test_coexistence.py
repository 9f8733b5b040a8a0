"""Our client and a stock one live in one process, whoever is imported first, and both get their answers."""

import subprocess
import sys

import pytest

OURS = """
from tidegate.client import Client
with Client(address) as client:
    answer = client.infer("add_one", {"x": [[1.0, 2.0, 3.0, 4.0]]})
    assert next(iter(answer.values())).tolist() == [[2.0, 3.0, 4.0, 5.0]]
"""
STOCK = """
import numpy as np
import tritonclient.grpc as triton
stock = triton.InferenceServerClient(address)
sent = triton.InferInput("x", [1, 4], "FP32")
sent.set_data_from_numpy(np.float32([[1.0, 2.0, 3.0, 4.0]]))
result = stock.infer("add_one", [sent])
name = result.get_response().outputs[0].name
assert result.as_numpy(name).tolist() == [[2.0, 3.0, 4.0, 5.0]]
stock.close()
"""


@pytest.mark.parametrize("order", [(OURS, STOCK), (STOCK, OURS)], ids=["ours first", "stock first"])
def test_both_clients_infer_in_one_process(gateway, order):
    program = f"address = {gateway.grpc_address!r}\n" + "".join(order) + "print('both')\n"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "both\n"
