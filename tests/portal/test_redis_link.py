"""Redis that goes away and comes back: said once, whoever else was just asking."""

from collections.abc import Callable
from typing import Any

import pytest
import redis

from portal import redis_link
from portal.redis_link import ask_redis


@pytest.fixture(autouse=True)
def link(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr(redis_link, "_outage", redis_link._Outage())
    monkeypatch.setattr(redis_link, "_client", lambda: "client")


def away(_client: Any) -> int:
    raise redis.ConnectionError


def here(client: Any) -> Any:
    return client


def slow(meanwhile: Callable[[], object]) -> Callable[[Any], Any]:
    """Return a question whose answer comes only when something else has happened."""

    def ask(client: Any) -> Any:
        meanwhile()
        return client

    return ask


def test_an_outage_is_said_once_and_then_redis_is_left_alone(caplog: Any) -> None:
    assert ask_redis(away) is None
    assert ask_redis(here) is None
    assert caplog.text.count("Redis is away") == 1


def test_after_a_while_it_is_asked_again_and_its_return_is_said_once(
    caplog: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_link, "_AWAY_SECONDS", 0)
    ask_redis(away)
    assert ask_redis(here) == "client"
    assert ask_redis(here) == "client"
    assert caplog.text.count("Redis is back") == 1


def test_an_answer_to_what_was_asked_before_the_outage_does_not_end_it(caplog: Any) -> None:
    assert ask_redis(slow(lambda: ask_redis(away))) == "client"
    assert ask_redis(here) is None
    assert "Redis is back" not in caplog.text


def test_of_several_that_find_it_away_at_once_one_says_so(caplog: Any) -> None:
    def fail_later(_client: Any) -> int:
        ask_redis(away)
        raise redis.TimeoutError

    assert ask_redis(fail_later) is None
    assert caplog.text.count("Redis is away") == 1
