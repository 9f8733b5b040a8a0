"""Documents go through the admin socket of a state folder, and every way this can end is an error of its own."""

import json
import os
import socket
import threading

import pytest

from support.stand_ins import admin_socket
from tidegate import config
from tidegate.errors import (
    DocumentRefused,
    GatewayForbidden,
    GatewayGone,
    GatewayNotRunning,
    NotSettled,
    UnexpectedAnswer,
)
from tidegate.gateway.admin import apply
from tidegate.gateway.reports import Outcome, Report, Settlement

REPORT = {
    "epoch": 8,
    "settlements": [
        {"subject": "routes.r", "outcome": "current", "reason": None},
        {"subject": 'versions["m/1"]', "outcome": "refused", "reason": "m/1: no model"},
    ],
}


@pytest.fixture
def document(tmp_path):
    path = tmp_path / "gateway.yaml"
    path.write_text("# mine\nroutes: {r: {split: {m/1: 1}}}\nlimits: {connections: 5}\n")
    return config.load(path)


def test_a_document_goes_out_whole_and_a_report_comes_back(document):
    with admin_socket(document.state_dir) as gateway:
        gateway.says(REPORT)
        report = apply(document.state_dir, document, 5)
    assert report == Report(
        epoch=8,
        settlements=(
            Settlement(subject="routes.r", outcome=Outcome.CURRENT, reason=None),
            Settlement(subject='versions["m/1"]', outcome=Outcome.REFUSED, reason="m/1: no model"),
        ),
    )
    ((method, path, body),) = gateway.asked
    assert (method, path, json.loads(body)) == ("POST", "/apply", document.fields)


@pytest.mark.parametrize(
    "outcomes, is_in_force",
    [
        (["current", "unchanged", "removed"], True),
        ([], True),
        (["current", "refused"], False),
        (["superseded"], False),
    ],
)
def test_a_document_is_in_force_when_nothing_of_it_was_refused_or_superseded(document, outcomes, is_in_force):
    with admin_socket(document.state_dir) as gateway:
        settlements = [{"subject": "routes.r", "outcome": outcome, "reason": None} for outcome in outcomes]
        gateway.says({"epoch": 1, "settlements": settlements})
        assert apply(document.state_dir, document, 5).is_in_force == is_in_force


def test_violations_come_back_with_the_lines_of_the_file(document):
    with admin_socket(document.state_dir) as gateway:
        gateway.says({"violations": [{"path": "limits", "reason": "cannot change"}]}, status=422)
        with pytest.raises(DocumentRefused) as refused:
            apply(document.state_dir, document, 5)
    assert str(refused.value) == f"{document.path}:3: limits: cannot change"


def test_an_answer_is_heard_though_the_request_was_not(document, tmp_path):
    large = tmp_path / "large.json"
    large.write_text(json.dumps({"routes": {f"r{at}": {"split": {"m/1": 1}} for at in range(9000)}}))
    with admin_socket(document.state_dir) as gateway:
        gateway.is_deaf = True
        gateway.says({"violations": [{"path": "", "reason": "is larger than a document"}]}, status=422)
        with pytest.raises(DocumentRefused, match="is larger than a document"):
            apply(document.state_dir, config.load(large), 5)


def test_a_path_longer_than_an_address_is_no_obstacle(document, tmp_path):
    deep = tmp_path.joinpath(*["folder" * 4] * 10)
    with admin_socket(deep) as gateway:
        gateway.says(REPORT)
        assert apply(deep, document, 5).epoch == 8


def test_where_no_gateway_runs_the_folder_is_named(document, tmp_path):
    with pytest.raises(
        GatewayNotRunning, match=r"No gateway runs with state_dir .*/nowhere \(it holds no admin.sock\)"
    ):
        apply(tmp_path / "nowhere", document, 5)


def test_a_socket_that_nobody_listens_on_is_no_gateway(document):
    document.state_dir.mkdir()
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(document.state_dir / "admin.sock"))
    with pytest.raises(GatewayNotRunning, match="Connection refused"):
        apply(document.state_dir, document, 5)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open every socket")
def test_a_socket_of_another_user_is_told_from_none(document):
    with admin_socket(document.state_dir):
        (document.state_dir / "admin.sock").chmod(0)
        with pytest.raises(GatewayForbidden, match="its own user"):
            apply(document.state_dir, document, 5)


def test_a_gateway_that_ends_says_so(document):
    with admin_socket(document.state_dir) as gateway:
        gateway.says({"error": "the gateway is ending"}, status=503)
        with pytest.raises(GatewayGone):
            apply(document.state_dir, document, 5)


def test_a_gateway_that_goes_away_meanwhile_is_gone(document):
    document.state_dir.mkdir()
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(document.state_dir / "admin.sock"))
        listening.listen()

        def hang_up():
            connected, _ = listening.accept()
            connected.recv(10)
            connected.close()

        hanging_up = threading.Thread(target=hang_up)
        hanging_up.start()
        with pytest.raises(GatewayGone):
            apply(document.state_dir, document, 5)
        hanging_up.join()


def test_what_takes_longer_goes_on_without_us(document):
    with admin_socket(document.state_dir) as gateway:
        gateway.patience = threading.Event()
        with pytest.raises(NotSettled, match=r"after 0\.2 s; it goes on"):
            apply(document.state_dir, document, 0.2)


@pytest.mark.parametrize(
    "answer, status, found",
    [
        ({"error": "there is nothing here but POST /apply"}, 404, "there is nothing here but POST /apply"),
        (b"<html>", 200, "status 200 with b'<html>'"),
        ({"epoch": 1}, 200, "status 200 with"),
        ({"epoch": 1, "settlements": [{"subject": "a", "outcome": "vanished", "reason": None}]}, 200, "vanished"),
        ([], 422, "status 422"),
        ({}, 400, "status 400"),
    ],
)
def test_an_answer_of_another_kind_is_shown(document, answer, status, found):
    with admin_socket(document.state_dir) as gateway:
        gateway.says(answer, status)
        with pytest.raises(UnexpectedAnswer, match="no Tidegate of this release") as refused:
            apply(document.state_dir, document, 5)
    assert found in str(refused.value)
