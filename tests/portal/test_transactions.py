"""What a refused verb leaves: nothing, whether its caller goes on or is taken back with it."""

from typing import Any

import pytest
from django.db import connection
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext

from portal.errors import Conflict
from portal.transactions import all_or_nothing, taken_back_whole
from tests.make import make_hotel
from vouchers.models import Hotel

pytestmark = pytest.mark.django_db


def refuse_after_writing() -> None:
    with all_or_nothing():
        Hotel.objects.update(name="Written")
        raise Conflict("refused", "Refused.")


def savepoints(act: Any) -> int:
    with CaptureQueriesContext(connection) as told:
        act()
    return sum(query["sql"].startswith("SAVEPOINT") for query in told.captured_queries)


def test_a_caller_goes_on_after_a_refusal() -> None:
    before = make_hotel().name
    with pytest.raises(Conflict):
        refuse_after_writing()
    assert Hotel.objects.get().name == before


def test_a_refusal_takes_a_whole_request_back() -> None:
    def request() -> None:
        with taken_back_whole():
            Hotel.objects.update(phone="1")
            refuse_after_writing()

    before = make_hotel().name
    with pytest.raises(Conflict):
        request()
    hotel = Hotel.objects.get()
    assert (hotel.name, hotel.phone) == (before, "")


def test_nothing_goes_on_in_a_request_that_is_taken_back() -> None:
    def request() -> None:
        with taken_back_whole():
            with pytest.raises(Conflict):
                refuse_after_writing()
            Hotel.objects.count()

    make_hotel()
    with pytest.raises(TransactionManagementError):
        request()
    assert Hotel.objects.get().name != "Written"


def test_a_verb_asks_for_a_savepoint_only_where_its_caller_may_go_on() -> None:
    def in_a_request() -> None:
        with taken_back_whole(), all_or_nothing():
            pass

    def alone() -> None:
        with all_or_nothing():
            pass

    # The test is a transaction: of the two in a request, the outer one is a savepoint of it.
    assert savepoints(in_a_request) == 1
    assert savepoints(alone) == 1
    # A request that has ended says nothing of the next.
    assert savepoints(lambda: (in_a_request(), alone())) == 2
