"""What both clients say and in which order, without a socket: the clock and every answer are the test's."""

import pytest

from support.scripted_server import metadata_of
from tidegate import errors
from tidegate.client import calls
from tidegate.client.dialogue import Dialogue, Pause, Try
from tidegate.client.requests import Ask
from tidegate.inference import open_inference_pb2 as messages


class World:
    """Follows steps: each try takes a second and comes to the next outcome, each pause takes its time."""

    def __init__(self, *outcomes, closes=False):
        self.now, self.outcomes, self.closes = 100.0, list(outcomes), closes
        self.tries: list[Try] = []
        self.pauses: list[float] = []
        self.dialogue = Dialogue(timeout_s=30.0, clock=lambda: self.now, dice=lambda: 0.5)

    def follow(self, steps):
        try:
            step = next(steps)
            while True:
                if isinstance(step, Pause):
                    self.pauses.append(step.seconds)
                    self.now += step.seconds
                    step = steps.send(self.closes)
                    continue
                self.tries.append(step)
                self.now += 1
                outcome = self.outcomes.pop(0)
                if isinstance(outcome, Exception):
                    step = steps.throw(outcome)
                else:
                    step = steps.send(calls.Reply(message=outcome, metadata={}))
        except StopIteration as end:
            return end.value


ALIVE = messages.ServerLiveResponse(live=True)
ASKED = Ask(model="m", inputs={"x": [1]})
DECLARED = metadata_of(x=("INT64", [-1]))
ANSWER = messages.ModelInferResponse(model_name="m")


def unavailable(retry_after_s=None):
    return errors.Unavailable("not begun", code="UNAVAILABLE", retry_after_s=retry_after_s)


def test_each_try_has_what_is_left_of_the_deadline():
    world = World(unavailable(), unavailable(), ALIVE)
    assert world.follow(world.dialogue.live(10.0)) is True
    assert world.pauses == pytest.approx([0.05 * 0.75, 0.1 * 0.75])
    assert [sent.timeout_s for sent in world.tries] == pytest.approx([10.0, 10 - 1.0375, 10 - 2.1125])


def test_the_servers_advice_is_the_least_pause():
    world = World(unavailable(retry_after_s=4.0), ALIVE)
    world.follow(world.dialogue.live(None))
    assert world.pauses == pytest.approx([4.0375])


def test_a_pause_that_the_deadline_cannot_pay_for_is_not_begun():
    world = World(unavailable(retry_after_s=4.0), ALIVE)
    with pytest.raises(errors.Unavailable):
        world.follow(world.dialogue.live(5.0))
    assert (len(world.tries), world.pauses) == (1, [])


def test_a_client_that_is_closed_while_it_pauses_fails_as_the_call_did():
    world = World(unavailable(), ALIVE, closes=True)
    with pytest.raises(errors.Unavailable):
        world.follow(world.dialogue.live(None))
    assert len(world.tries) == 1


def test_declaration_and_request_share_one_deadline():
    world = World(DECLARED, ANSWER)
    world.follow(world.dialogue.infer(ASKED, timeout=10.0))
    assert [sent.method for sent in world.tries] == [calls.MODEL_METADATA, calls.MODEL_INFER]
    assert [sent.timeout_s for sent in world.tries] == [10.0, 9.0]


def test_a_deadline_that_the_declaration_has_used_up_sends_no_request():
    world = World(DECLARED, ANSWER)
    with pytest.raises(errors.DeadlineExceeded):
        world.follow(world.dialogue.infer(ASKED, timeout=1.0))
    assert len(world.tries) == 1


@pytest.mark.parametrize("reason, asks_again", [("WRONG_SHAPE", True), ("", True), ("INVALID_PARAMETER", False)])
def test_only_a_refusal_that_a_changed_model_explains_is_looked_into(reason, asks_again):
    refused = errors.InvalidRequest("no", code="INVALID_ARGUMENT", reason=reason)
    world = World(DECLARED, ANSWER, refused, metadata_of(x=("INT32", [-1])), ANSWER)
    world.follow(world.dialogue.infer(ASKED))
    if asks_again:
        world.follow(world.dialogue.infer(ASKED))
    else:
        with pytest.raises(errors.InvalidRequest):
            world.follow(world.dialogue.infer(ASKED))
    assert len(world.tries) == (5 if asks_again else 3)


def test_the_budget_is_one_for_all_calls():
    world = World(*[unavailable()] * 100)
    for _ in range(10):
        with pytest.raises(errors.Unavailable):
            world.follow(world.dialogue.live(None))
    assert 10 < len(world.tries) <= 10 + 3 + 2


def test_a_client_without_a_deadline_sends_none():
    world = World(ALIVE)
    world.follow(Dialogue(timeout_s=float("inf"), clock=lambda: 5.0).live(None))
    assert calls.bounded(world.tries[0].timeout_s) is None
