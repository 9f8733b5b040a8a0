import pytest

from tidegate.core.signatures import breaks


def tensor(name="x", datatype="FP32", shape=(-1, 4)):
    return {"name": name, "datatype": datatype, "shape": list(shape)}


def signature(inputs, outputs=None):
    return {"inputs": list(inputs), "outputs": outputs or [tensor("y")]}


OLD = signature([tensor()])


@pytest.mark.parametrize(
    "new, path",
    [
        (signature([tensor("z")]), "inputs.x"),
        (signature([tensor(), tensor("z")]), "inputs.z"),
        (signature([tensor(datatype="FP64")]), "inputs.x"),
        (signature([tensor(shape=(-1, 5))]), "inputs.x"),
        (signature([tensor(shape=(1, 4))]), "inputs.x"),
        (signature([tensor()], [tensor("w")]), "outputs.y"),
        (signature([tensor()], [tensor("y", "INT64")]), "outputs.y"),
        (signature([tensor()], [tensor("y", shape=(-1, -1))]), "outputs.y"),
    ],
)
def test_what_callers_would_find_broken_is_named(new, path):
    assert path in [violation.path for violation in breaks(OLD, new)]


@pytest.mark.parametrize(
    "new",
    [
        OLD,
        signature([tensor(shape=(-1, -1))]),
        signature([tensor()], [tensor("y"), tensor("more")]),
        signature([tensor()], [tensor("y", shape=(8, 4))]),
    ],
)
def test_what_takes_more_and_gives_no_less_breaks_nobody(new):
    assert breaks(OLD, new) == []
