"""Both places where it is kept who is online: every test of presence runs on each."""

from collections.abc import Iterator
from typing import Any

import pytest

from portal import redis_link
from tests.servers import redis


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    with redis() as (url, _server):
        yield url


@pytest.fixture(params=["database", "redis"])
def kept_in(request: pytest.FixtureRequest, settings: Any) -> Iterator[str]:
    """Keep presence in the database, or in an empty Redis."""
    if request.param == "database":
        yield "database"
        return
    settings.REDIS_URL = request.getfixturevalue("redis_url")
    redis_link._client.cache_clear()
    redis_link._client().flushall()
    yield "redis"
    redis_link._client().close()
    redis_link._client.cache_clear()
