"""The parts of `make bench-peers` that decide: ratios, the bar, the tables, counters of other makers, and trees of processes."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from benchmarks.measure import Run
from benchmarks.metrics import process_tree, total
from benchmarks.peers import figure, report
from benchmarks.peers.catalog import PLAIN, PYTHON_FRONT
from benchmarks.peers.environments import EnvironmentNotMadeError
from benchmarks.peers.field import started
from benchmarks.peers.processes import Counters, Foreign, free_ports
from benchmarks.peers.rounds import compare, disturbances
from benchmarks.servers import ServerError

BAR = report.Bar(server=PYTHON_FRONT, ratio=1.0)


def run_of(server, rate, *, idle=0.0, other=0.0):
    return Run(
        server=server,
        rate=rate,
        cpu_us=1e6 / rate,
        p50_us=64e6 / rate,
        p99_us=128e6 / rate,
        p999_us=256e6 / rate,
        lateness_p99_us=0.0,
        requests=int(rate),
        answer_bytes=64,
        idle_cores=idle,
        other_cores=other,
    )


def contest_of(cell="tiny-64x1", /, **rates):
    names = {"front": PYTHON_FRONT, "plain": PLAIN}
    runs = {names.get(key, key): [run_of(key, rate) for rate in made] for key, made in rates.items()}
    return compare(cell, runs, PLAIN)


def test_a_server_is_compared_with_the_yardstick_of_the_same_round():
    contest = contest_of(front=[200.0, 100.0, 50.0], plain=[100.0, 100.0, 100.0])
    ratio = contest.of(PYTHON_FRONT).throughput
    assert (ratio.median, ratio.least, ratio.most) == (1.0, 0.5, 2.0)
    assert contest.of(PYTHON_FRONT).cpu.most == pytest.approx(2.0)


def test_the_medians_of_both_do_not_decide_but_the_median_of_the_ratios():
    # 300 against 300 in the median, and yet slower in two rounds of three.
    contest = contest_of(front=[90.0, 300.0, 500.0], plain=[100.0, 310.0, 300.0])
    assert not BAR.holds(contest.of(PYTHON_FRONT))


@pytest.mark.parametrize("rate, holds", [(100.0, True), (99.9, False)])
def test_the_bar_is_exact(rate, holds):
    assert BAR.holds(contest_of(front=[rate], plain=[100.0]).of(PYTHON_FRONT)) is holds


def test_a_missed_bar_and_a_server_that_does_not_run_are_told_in_the_table():
    contest = contest_of(front=[90.0], plain=[100.0])
    table = report.table("title", [contest], BAR, {"PyTriton": "no wheel"}, [])
    assert table.rows[0][-1] == "≥ 1x: MISSED"
    assert table.rows[-1][1:3] == ["PyTriton", "does not run here: no wheel"]
    assert {len(row) for row in table.rows} == {len(report.COLUMNS)}


def test_the_short_table_has_a_column_for_each_cell():
    cells = [contest_of(cell, front=[1500.0], plain=[100.0]) for cell in ("tiny-64x1", "mid-4x16")]
    lines = report.short(cells, {"PyTriton": "no wheel"}).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert "tiny, 64 x 1 | mid, 4 x 16" in lines[0]
    assert "1,500 (15) | 1,500 (15)" in lines[2]
    assert lines[-1].startswith("| PyTriton | does not run here: no wheel |")


def test_work_of_others_is_told():
    quiet = compare("tiny-64x1", {PLAIN: [run_of(PLAIN, 100.0)]}, PLAIN)
    busy = compare("tiny-64x1", {PLAIN: [run_of(PLAIN, 100.0, other=0.5)]}, PLAIN)
    assert disturbances(quiet) == []
    assert "0.50 cores" in disturbances(busy)[0]


def test_the_picture_is_a_png(tmp_path):
    path = tmp_path / "peers.png"
    figure.draw([contest_of(front=[90.0, 95.0], plain=[100.0, 99.0])] * 3, "caption", path)
    assert path.read_bytes().startswith(b"\x89PNG")


def test_counters_are_summed_over_the_labels_that_are_not_asked_for():
    page = (
        'requests_total{model="tiny",version="1"} 3.0\n'
        'requests_total{model="tiny",version="2"} 4.0\n'
        'requests_total{model="mid",version="1"} 5.0\n'
        'requests_total_created{model="tiny",version="1"} 9.0\n'
    )
    assert total(page, "requests_total", model="tiny") == 7
    assert total(page, "requests_total", model="unknown") == 0


def test_the_processes_of_a_server_are_those_that_descend_from_it():
    child = "import subprocess, sys; subprocess.run(['sleep', '60'])"
    with subprocess.Popen(
        [sys.executable, "-c", f"print('up', flush=True); {child}"], stdout=subprocess.PIPE, text=True
    ) as parent:
        try:
            assert parent.stdout.readline() == "up\n"
            while len(tree := process_tree(parent.pid)) < 2:
                assert parent.poll() is None
            assert tree[0] == parent.pid
        finally:
            for pid in reversed(process_tree(parent.pid)):
                subprocess.run(["kill", str(pid)], check=True)


def test_a_server_that_ends_says_why(tmp_path):
    (port,) = free_ports(1)
    counters = Counters(url="", label="", ok="", failed="")
    with pytest.raises(ServerError, match="peer ended with 3: no such wheel"):
        Foreign(
            "peer",
            [sys.executable, "-c", "import sys; print('no such wheel'); sys.exit(3)"],
            port=port,
            counters=counters,
            first={"tiny": b""},
            folder=tmp_path,
            env={},
        )


class Standing:
    """A server that only knows whether it was ended."""

    def __init__(self, name):
        self.name = name
        self.ended = 0

    def __exit__(self, *_):
        self.ended += 1


def entry_of(name, start, *, may_fail=True):
    return SimpleNamespace(name=name, start=start, packages=(), instead="", may_fail=may_fail)


def fails_with(error):
    def start(_stage, _name):
        raise error

    return start


@pytest.mark.parametrize("error", [ServerError("it\nended | early"), EnvironmentNotMadeError("it\nended | early")])
def test_a_server_that_cannot_be_started_is_missing_and_the_others_run(error):
    here = Standing("here")
    entries = [entry_of("gone", fails_with(error)), entry_of("here", lambda _stage, _name: here)]
    with started(entries, None, None, heat=None) as field:
        assert field.servers == [here]
        assert field.missing == {"gone": "it ended / early"}
        assert here.ended == 0
    assert here.ended == 1


def test_without_the_yardstick_nothing_is_measured():
    here = Standing("here")
    entries = [
        entry_of("here", lambda _stage, _name: here),
        entry_of("plain", fails_with(ServerError("no")), may_fail=False),
    ]
    with pytest.raises(ServerError, match="no"), started(entries, None, None, heat=None):
        pass
    assert here.ended == 1
