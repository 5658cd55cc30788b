"""Limits: counted for key and address, told in headers, fed by nothing a client can make up."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import RequestFactory

from access.domain import prune
from access.limits import Kind, spend
from access.models import Usage
from portal.addresses import client_address
from tests.api import Api, code_of, make_key
from tests.make import NOW, make_hotel

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock():
    with time_machine.travel(NOW + timedelta(seconds=20), tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def quotas(settings: Any) -> None:
    settings.API_READS_PER_MINUTE = 3
    settings.API_WRITES_PER_MINUTE = 2


def test_a_key_has_its_quota_in_a_minute_and_again_in_the_next(clock: Any) -> None:
    api = Api()
    assert [api.get("voucher/list").status_code for _number in range(5)] == [200, 200, 200, 429, 429]
    refused = api.get("voucher/list")
    assert code_of(refused) == (429, "limit_reached")
    assert refused.headers["Retry-After"] == "40"
    assert refused.headers["RateLimit"] == '"read";r=0;t=40'
    assert refused.headers["RateLimit-Policy"] == '"read";q=3;w=60'
    clock.shift(40)
    assert api.get("voucher/list").headers["RateLimit"] == '"read";r=2;t=60'


def test_reads_and_writes_are_counted_apart() -> None:
    api = Api()
    assert [api.post("voucher/book").status_code for _number in range(3)] == [400, 400, 429]
    assert api.get("voucher/list").status_code == 200


def test_two_keys_share_what_their_address_has() -> None:
    hotel = make_hotel()
    first, second = Api(hotel=hotel), Api(hotel=hotel)
    assert [first.get("voucher/list").status_code for _number in range(2)] == [200, 200]
    assert [second.get("voucher/list").status_code for _number in range(2)] == [200, 429]


def test_one_key_has_one_quota_from_many_addresses(settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    _key, secret = make_key(make_hotel())
    answers = [
        Api(secret, **{"X-Forwarded-For": f"198.51.100.{number}"}).get("voucher/list") for number in range(4)
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]


def test_keys_that_are_not_good_are_counted_for_their_address() -> None:
    wrong = Api("hvp_wrong")
    assert [code_of(wrong.get("voucher/list"))[0] for _number in range(4)] == [401, 401, 401, 429]
    assert code_of(Api().get("voucher/list"))[0] == 429


def test_addresses_where_nothing_is_are_counted_too() -> None:
    nobody = Api("")
    assert [code_of(nobody.get("nothing"))[0] for _number in range(4)] == [404, 404, 404, 429]


@pytest.mark.parametrize("name", ["X-Forwarded-For", "X-Real-IP", "Forwarded", "Client-IP"])
def test_a_made_up_address_changes_nothing(name: str) -> None:
    _key, secret = make_key(make_hotel())
    answers = [Api(secret, **{name: f"203.0.113.{number}"}).get("voucher/list") for number in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert {usage.subject.split(":")[1] for usage in Usage.objects.filter(subject__startswith="a:")} == {
        "127.0.0.1"
    }


@pytest.mark.parametrize(
    ("proxies", "forwarded", "remote", "address"),
    [
        (0, "203.0.113.9", "198.51.100.1", "198.51.100.1"),
        (1, "203.0.113.9", "10.0.0.1", "203.0.113.9"),
        (1, "6.6.6.6, 203.0.113.9", "10.0.0.1", "203.0.113.9"),
        (2, "6.6.6.6, 203.0.113.9, 10.0.0.2", "10.0.0.1", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1", "10.0.0.1"),
        (1, "", "10.0.0.1", "10.0.0.1"),
        (1, "rubbish", "10.0.0.1", "10.0.0.1"),
        (1, "203.0.113.9\x00", "10.0.0.1", "10.0.0.1"),
        (0, "", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (0, "", "::ffff:198.51.100.1", "198.51.100.1"),
        (0, "", "", "unknown"),
    ],
)
def test_the_address_is_what_our_own_proxies_wrote(
    settings: Any, proxies: int, forwarded: str, remote: str, address: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", HTTP_X_FORWARDED_FOR=forwarded, REMOTE_ADDR=remote)
    assert client_address(request) == address


def test_a_minute_that_seems_to_go_back_gives_no_new_quota() -> None:
    spend(["k-1"], Kind.READ, NOW + timedelta(minutes=1))
    assert spend(["k-1"], Kind.READ, NOW).used == 2
    assert spend(["k-1"], Kind.READ, NOW + timedelta(minutes=1)).used == 3


def test_holds_are_counted_by_the_hour_of_the_clock(settings: Any) -> None:
    settings.HOLDS_PER_ADDRESS_PER_HOUR = 2
    late = NOW + timedelta(minutes=59, seconds=59)
    first, last = spend(["a:1"], Kind.HOLD, NOW), spend(["a:1"], Kind.HOLD, late)
    assert (first.used, first.reset_seconds) == (1, 3600)
    assert (last.used, last.reset_seconds, last.is_exceeded) == (2, 1, False)
    assert first.headers["RateLimit-Policy"] == '"hold";q=2;w=3600'
    assert spend(["a:1"], Kind.HOLD, late).is_exceeded
    # What is kept of limits is dropped only when the hour is over.
    prune(late)
    assert spend(["a:1"], Kind.HOLD, late).used == 4
    assert spend(["a:1"], Kind.HOLD, NOW + timedelta(hours=1)).used == 1


def test_counting_is_one_statement(django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert spend(["k-1", "a:127.0.0.1"], Kind.WRITE, NOW).used == 1
