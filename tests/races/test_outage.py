"""The database goes away in the middle of guests' bookings, and comes back."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.engines import Postgresql
from tests.races.conftest import Hotel, opened
from tests.races.truth import Truth
from tests.servers import Answer, Cluster, at_once, postgresql


@pytest.fixture(scope="module")
def cluster(postgresql_folder: Path) -> Iterator[Cluster]:
    """A PostgreSQL server of these tests alone: its sudden end is nobody else's."""
    with postgresql(postgresql_folder) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def hotel(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hotel]:
    log = tmp_path_factory.mktemp("log") / "gunicorn.log"
    with opened(Postgresql(cluster), "portal_outage", log) as hotel:
        yield hotel


@pytest.mark.sample
def test_words_are_kept_while_the_database_is_away_and_the_next_press_books(
    cluster: Cluster, hotel: Hotel
) -> None:
    made = hotel.offer(vouchers=1, capacity=1)
    (guest,) = hotel.strangers(1)
    voucher = made["vouchers"][0][0]
    form = guest.booking_form(voucher, hotel.slot(), name="Zoë & <Ann>", email="zoe@guest.example")

    cluster.stop()
    away = guest.press(form)
    answers = [guest.get("/"), guest.get("/health/"), away]
    assert [answer.status for answer in answers] == [503, 503, 503]
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers)
    assert 'value="Zoë &amp; &lt;Ann&gt;"' in away.body
    assert 'value="zoe@guest.example"' in away.body
    assert form.fields["form_key"] in away.body

    cluster.start()
    # Every thread of every worker finds that its connection is broken, and opens another.
    assert [guest.get("/").status for _number in range(32)] == [200] * 32
    booked = guest.press(form)
    assert booked.status == 303
    stored = Truth(hotel.database_url).read([made["offer"]])
    assert stored.faults() == []
    assert [row["id"] for row in stored.standing] == [booked.booking_id]
    assert "Traceback" not in hotel.portal.log()


def test_guests_who_press_while_the_database_breaks_press_again_and_have_one_booking_each(
    cluster: Cluster, hotel: Hotel
) -> None:
    number = 32
    made = hotel.offer(vouchers=number, capacity=number)
    guests = hotel.strangers(number)
    forms = [
        guest.booking_form(voucher, hotel.slot(), name=f"Guest{place}")
        for place, (guest, voucher) in enumerate(zip(guests, made["vouchers"][0], strict=True))
    ]

    def presses() -> list[Callable[[], Answer]]:
        return [lambda g=guest, f=form: g.twin().press(f) for guest, form in zip(guests, forms, strict=True)]

    *first, _stopped = at_once([*presses(), cluster.stop])
    assert {answer.status for answer in first} <= {303, 503}
    cluster.start()
    second: list[Answer] = at_once(presses())
    assert {answer.status for answer in second} == {303}
    kept = [
        (old.booking_id, new.booking_id) for old, new in zip(first, second, strict=True) if old.booking_id
    ]
    assert [old for old, _new in kept] == [new for _old, new in kept]
    stored = Truth(hotel.database_url).read([made["offer"]])
    assert stored.faults() == []
    assert len(stored.standing) == number
    assert "Traceback" not in hotel.portal.log()
