"""A registry and its gateway in one process: what is applied is served, and comes back after every end."""

import json
import sqlite3
import time

import pytest

from support import models
from support.ups import command, up
from support.waiting import until
from tidegate.errors import ChangeRefused, InputRefused, Unidentified


def test_what_is_applied_is_served_and_rolled_back(tmp_path):
    with up(tmp_path) as running:
        one, two = (running.register("m", models.add(amount)) for amount in (1, 2))
        assert running.apply("sum", (one, 1)).route.serving.state == "served"
        assert running.answer("sum") == 1
        running.apply("sum", (two, 1))
        assert running.answer("sum") == 2
        assert running.registry.rollback("sum", to=1, reason="test").route.hold
        assert running.answer("sum") == 1, "it is in force when the command returns"
        with pytest.raises(ChangeRefused):
            running.apply("sum", (two, 1))
        assert running.registry.verify().broken_entry is None


def test_after_a_kill_it_serves_what_was_acknowledged(tmp_path):
    with up(tmp_path) as running:
        running.apply("sum", (running.register("m", models.add(1)), 1))
        until(lambda: running.answer("sum") == 1)
        running.kill()
    with up(tmp_path) as again:
        assert again.answer("sum") == 1, "it serves from the first moment on"
        assert again.registry.verify().broken_entry is None


def test_a_second_one_in_the_same_folder_is_refused(tmp_path):
    with up(tmp_path) as running:
        second = command("up", "--data", tmp_path / "tidegate-data", "--config", tmp_path / "config.yaml")
        assert second.returncode == 1
        assert f"process {running.process.pid}" in second.stderr
        assert "Traceback" not in second.stderr


def test_the_owners_token_is_for_one_user(tmp_path):
    with up(tmp_path) as running:
        token_file = tmp_path / "tidegate-data" / "owner.token"
        assert token_file.stat().st_mode & 0o777 == 0o600
        with type(running.registry)(running.admin, token="tg_other") as stranger, pytest.raises(Unidentified):
            stranger.verify()


def test_others_than_this_machine_need_tls(tmp_path):
    done = command("up", "--data", tmp_path / "d", "--admin", "0.0.0.0:0")
    assert done.returncode == 2
    assert "plain text" in done.stderr


def test_routes_are_not_for_the_settings_to_say(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("routes: {r: {split: {m/1: 1}}}\n")
    done = command("up", "--data", tmp_path / "d", "--config", config)
    assert done.returncode == 2
    assert "routes: is for the registry to say" in done.stderr


def test_a_model_that_never_ends_its_load_delays_no_rollback_of_another_route(tmp_path):
    """Route `endless` waits for a version that is never ready; `sum` is rolled back meanwhile, each time within a second.

    Of five times the middle one counts: a busy machine may be late once, and whoever waited for the load would be late each
    time, by hours.
    """
    with up(tmp_path) as running:
        one, two = (running.register("m", models.add(amount)) for amount in (1, 2))
        running.apply("sum", (one, 1))
        running.apply("sum", (two, 1))
        endless = running.register("endless", models.slow_to_warm_up(rounds=1_000_000_000))
        serving = running.apply("endless", (endless, 1)).route.serving
        assert serving.state == "pending"
        assert endless in serving.reason
        took_s = []
        for turn in range(5):
            running.apply("sum", (two, 1), (one, turn), release_hold=True)
            begun = time.monotonic()
            assert running.registry.rollback("sum", to=1, reason="test").route.serving.state == "served"
            assert running.answer("sum") == 1
            took_s.append(time.monotonic() - begun)
        assert running.registry.route("endless").serving == serving, "it was loading all the while"
        assert sorted(took_s)[2] < 1
        # The load would not end within the drain.
        running.kill()


def test_a_model_that_the_runtime_refuses_harms_no_other_route(tmp_path):
    with up(tmp_path) as running:
        running.apply("sum", (running.register("m", models.add(1)), 1))
        broken = running.register("broken", _with_unknown_domain())
        serving = running.apply("broken", (broken, 1)).route.serving
        assert serving.state == "refused"
        assert "com.example" in serving.reason
        assert running.apply("sum", (running.register("m", models.add(2)), 1)).route.serving.state == "served"
        assert running.answer("sum") == 2
        assert running.answer("broken") is None


def _with_unknown_domain():
    """A graph that is sound as ONNX, of an operator that only its author's runtime knows."""
    from onnx import helper

    model = models.add(1)
    model.graph.node[0].domain = "com.example"
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    return model


def test_a_backup_comes_back_and_the_gateway_follows_it(tmp_path):
    """After the backup fifty changes are lost; the gateway follows the registry that came back all the same."""
    with up(tmp_path) as running:
        one, two = (running.register("m", models.add(amount)) for amount in (1, 2))
        running.apply("sum", (one, 1))
        saved = command("backup", tmp_path / "saved", "--data", tmp_path / "tidegate-data", "--output", "json")
        assert saved.returncode == 0, saved.stderr
        assert json.loads(saved.stdout)["blob_count"] == len(
            list((tmp_path / "saved/artifacts/blobs/sha256").iterdir())
        )
        for number in range(50):
            running.apply("sum", (one, 1 + number), (two, 1))
    data = tmp_path / "tidegate-data"
    refused = command("restore", tmp_path / "saved", "--data", data)
    assert refused.returncode == 2
    assert "move it away" in refused.stderr
    for path in data.glob("registry.db*"):
        path.unlink()
    restored = command("restore", tmp_path / "saved", "--data", data)
    assert restored.returncode == 0, restored.stderr
    assert "incarnation 2" in restored.stdout
    with up(tmp_path) as again:
        until(lambda: again.answer("sum") == 1)
        three = again.register("m", models.add(3))
        again.apply("sum", (three, 1))
        until(lambda: again.answer("sum") == 3)
        assert again.registry.verify().broken_entry is None


def test_a_registry_that_was_copied_back_by_hand_is_not_followed(tmp_path):
    data = tmp_path / "tidegate-data"
    with up(tmp_path) as running:
        one, two = (running.register("m", models.add(amount)) for amount in (1, 2))
        running.apply("sum", (one, 1))
    before = (data / "registry.db").read_bytes()
    with up(tmp_path) as running:
        running.apply("sum", (two, 1))
    for path in data.glob("registry.db*"):
        path.unlink()
    (data / "registry.db").write_bytes(before)
    done = command("up", "--data", data, "--config", tmp_path / "config.yaml", "--admin", "127.0.0.1:0")
    assert done.returncode == 1
    assert "tidegate restore" in done.stderr


def test_another_registry_is_followed_when_somebody_says_so(tmp_path):
    data = tmp_path / "tidegate-data"
    with up(tmp_path) as running:
        running.apply("sum", (running.register("m", models.add(1)), 1))
    for path in (*data.glob("registry.db*"), data / "owner.token"):
        path.unlink()
    done = command("up", "--data", data, "--config", tmp_path / "config.yaml", "--admin", "127.0.0.1:0")
    assert done.returncode == 1
    assert "--adopt" in done.stderr
    with up(tmp_path, "--adopt") as again:
        assert again.answer("sum") is None


def test_a_journal_that_was_tampered_with_is_named(tmp_path):
    data = tmp_path / "tidegate-data"
    with up(tmp_path) as running:
        running.apply("sum", (running.register("m", models.add(1)), 1))
    connection = sqlite3.connect(data / "registry.db")
    connection.execute("DROP TRIGGER journal_no_update")
    connection.execute("UPDATE journal SET body = replace(body, '\"owner\"', '\"nobody\"') WHERE seq = 3")
    connection.commit()
    connection.close()
    with up(tmp_path) as again:
        verified = again.registry.verify()
        assert verified.broken_entry == 3


def test_it_says_where_it_listens_as_json(tmp_path):
    with up(tmp_path) as running:
        assert json.dumps({"grpc": running.grpc, "http": running.http, "admin": running.admin})
        assert running.admin.startswith("127.0.0.1:")


def test_a_bad_model_is_refused_and_nothing_of_it_stays(tmp_path):
    with up(tmp_path) as running:
        with pytest.raises(InputRefused):
            running.register("m", b"not a model")
        assert running.registry.list_models() == []


def test_a_rollback_needs_no_number_where_revisions_need_not_prove_themselves(tmp_path):
    with up(tmp_path, "--min-bake", "0") as running:
        one, two = (running.register("m", models.add(amount)) for amount in (1, 2))
        running.apply("sum", (one, 1))
        assert running.registry.plan({"route": "sum", "split": {two: 1}}).min_bake_s == 0
        running.apply("sum", (two, 1))
        assert running.registry.rollback("sum").route.revision == 1
        assert running.answer("sum") == 1
