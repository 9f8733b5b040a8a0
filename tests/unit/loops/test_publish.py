"""The thread that publishes outlives whatever goes wrong in it, and says so."""

import pytest

from support.waiting import until
from tidegate.core.names import RouteName
from tidegate.core.publications import Publication
from tidegate.core.serving import ServingState
from tidegate.errors import DocumentRefused, DocumentViolation
from tidegate.gateway.reports import Progress
from tidegate.loops import publish
from tidegate.loops.publish import Publisher

NOTHING = Publication(instance="one", incarnation=1, epoch=0, routes={}, versions={}, monitors={})
DONE = Progress(epoch=1, pending={}, refused={}, given_up={})


class Standin:
    """A gateway and its agent: notes what it is told, and refuses the routes it is made to refuse."""

    def __init__(self, unfit=()):
        self.unfit, self.told, self.obeys, self.absent = set(unfit), [], 0, {}

    def amend(self, parts):
        if self.unfit & set(parts["routes"]):
            raise DocumentRefused("amendment", (DocumentViolation("routes", "does not fit"),))
        self.told.append(parts)
        return DONE

    def progress(self):
        return DONE

    def prepare(self, publication, versions):
        pass

    def obeyed(self, publication):
        self.obeys = publication.epoch

    def prune(self, _publication):
        return []


def route(version):
    return {"split": {version: 1}, "segments": [], "shadow": []}


def publication(epoch, **routes):
    return Publication(instance="one", incarnation=1, epoch=epoch, routes=routes, versions={}, monitors={})


@pytest.fixture
def published(monkeypatch):
    """Runs a publisher of whatever is put into the list, an error or a publication, until the test ends."""
    monkeypatch.setattr(publish, "RETRY_S", 0.01)
    running, said = [], []

    def begin(gateway, coming):
        def newest():
            found = coming.pop(0) if len(coming) > 1 else coming[0]
            if isinstance(found, Exception):
                raise found
            return found

        publisher = Publisher(gateway, gateway, newest, NOTHING, lambda *line: said.append(line))
        running.append(publisher)
        publisher.start()
        return publisher, said

    yield begin
    for publisher in running:
        publisher.stop()


def test_an_error_that_nobody_foresaw_is_told_once_and_publishing_goes_on(published):
    gateway = Standin()
    publisher, said = published(gateway, [KeyError("odd"), KeyError("odd"), publication(7, r=route("m/1"))])
    until(lambda: gateway.obeys == 7, what="the change is published all the same")
    assert said == [("publish_failed", "KeyError: 'odd'")]
    until(lambda: publisher.follow(RouteName("default", "default", "r"), 7, 1.0).state is ServingState.SERVED)


def test_of_several_routes_the_one_that_does_not_fit_is_named_and_the_others_are_served(published):
    gateway = Standin(unfit=["wide"])
    publisher, _ = published(gateway, [publication(7, wide=route("m/1"), r=route("m/1"))])
    assert publisher.follow(RouteName("default", "default", "r"), 7, 5.0).state is ServingState.SERVED
    wide = publisher.follow(RouteName("default", "default", "wide"), 7, 5.0)
    assert wide.state is ServingState.REFUSED
    assert "does not fit" in wide.reason
    assert {name for parts in gateway.told for name in parts["routes"]} == {"r"}
