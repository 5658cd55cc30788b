"""A receiver for each test, and leave to reach it."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import pytest

from tests.webhooks.receiver import Receiver, receiving


@pytest.fixture
def own_machine(settings: Any) -> None:
    settings.WEBHOOK_PRIVATE_NETWORKS = [ip_network("127.0.0.1/32")]


@pytest.fixture
def receiver(own_machine: None) -> Iterator[Receiver]:
    with receiving() as server:
        yield server
