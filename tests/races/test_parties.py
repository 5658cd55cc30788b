"""Parties that want the same places at the same moment: one gets them whole, the other nothing."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bookings.slot_ids import slot_id
from tests.engines import Engine
from tests.races.conftest import Hotel, opened, standing_clock
from tests.races.truth import Truth
from tests.servers import Answer, Browser, at_once

TOKEN = "a" * 32


@pytest.fixture(scope="module")
def hotel(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hotel]:
    """A hotel where it is one moment: whoever is here once is here for as long as this takes."""
    log = tmp_path_factory.mktemp("log") / "gunicorn.log"
    with opened(engine, "portal_parties", log, clock=standing_clock()) as hotel:
        yield hotel


def press(hotel: Hotel, party: Any, hour: int = 10) -> Callable[[], Answer]:
    """Return what presses a party's button."""
    browser = Browser(hotel.portal, {"guest": party["cookie"], "csrftoken": TOKEN})
    fields = {
        "csrfmiddlewaretoken": TOKEN,
        "start": slot_id(hotel.slot(hour)),
        "shown": ",".join(map(str, party["shown"])),
    }
    return lambda: browser.post("/party/book/", fields)


@pytest.mark.parametrize("sizes", [(3, 3), (2, 3, 3, 2), (4, 2, 2)])
def test_of_parties_that_race_for_the_last_places_each_is_booked_whole_or_not_at_all(
    hotel: Hotel, sizes: tuple[int, ...]
) -> None:
    made = hotel.offer(vouchers=1, capacity=4)
    for hour in range(8, 13):
        parties = [hotel.clerk.ask("party", offer=made["offer"], size=size) for size in sizes]
        answers = at_once([press(hotel, party, hour) for party in parties])
        assert {answer.status for answer in answers} == {302}
        told = [hotel.clerk.ask("outcome", party=party["party"]) for party in parties]
        stored = Truth(hotel.database_url).read([made["offer"]])
        holders = {row["holder_uid"] for row in stored.standing if row["slot_start"] == hotel.slot(hour)}
        for party, outcome in zip(parties, told, strict=True):
            booked = holders & set(party["uids"])
            assert booked in (set(), set(party["uids"]))
            assert outcome["is_booked"] is bool(booked)
            assert booked or outcome["code"] == "slot_taken"
        # Whoever was refused was refused for want of places: nobody is kept out by one who failed.
        left = 4 - len(holders)
        assert all(size > left for size, outcome in zip(sizes, told, strict=True) if not outcome["is_booked"])
        assert stored.faults() == []


@pytest.mark.sample
def test_a_party_of_which_many_press_at_once_is_booked_once(hotel: Hotel) -> None:
    made = hotel.offer(vouchers=1, capacity=50)
    party = hotel.clerk.ask("party", offer=made["offer"], size=3)
    answers = at_once([press(hotel, party)] * 12)
    assert sorted(answer.status for answer in answers) == [302] + [409] * 11
    stored = Truth(hotel.database_url).read([made["offer"]])
    assert sorted(row["holder_uid"] for row in stored.standing) == sorted(party["uids"])
    assert stored.faults() == []
