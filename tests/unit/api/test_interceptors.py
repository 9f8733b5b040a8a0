import logging

from support.registries import SetClock
from tidegate.api.interceptors import LOG_EVERY_US, Strangers


def test_strangers_are_counted_and_told_of_once_a_minute(caplog):
    clock = SetClock()
    strangers = Strangers(clock)
    with caplog.at_level(logging.WARNING):
        for _ in range(1000):
            strangers.note("TOKEN_UNKNOWN", "ipv4:10.0.0.1")
        assert len(caplog.records) == 1
        clock.us += LOG_EVERY_US
        strangers.note("TOKEN_MISSING", "ipv4:10.0.0.2")
    assert strangers.count == 1001
    assert [record.getMessage().split()[0] for record in caplog.records] == ["1", "1000"]
