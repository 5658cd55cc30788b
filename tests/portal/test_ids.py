"""Ids: sorted by time, and in the order of making where that matters."""

from datetime import timedelta
from itertools import pairwise

from portal.ids import ID_LENGTH, RisingIds, id_since, is_id
from tests.make import NOW
from tests.servers import at_once

MILLISECOND = timedelta(milliseconds=1)


def test_ids_of_one_moment_rise_however_many_they_are() -> None:
    ids = RisingIds("e")
    made = [ids.next(NOW) for _number in range(30_000)]
    assert all(earlier < later for earlier, later in pairwise(made))
    assert all(is_id(each) and len(each) == len(made[0]) <= ID_LENGTH for each in made)
    # More than one millisecond holds at this distance: the next ones take its place, and time catches up.
    assert id_since("e", NOW) < made[0] < made[-1] < id_since("e", NOW + 20 * MILLISECOND)
    assert made[-1] < ids.next(NOW + 20 * MILLISECOND) < id_since("e", NOW + 21 * MILLISECOND)


def test_a_clock_that_goes_back_a_little_changes_no_order_and_one_that_goes_back_far_is_followed() -> None:
    ids = RisingIds("e")
    first, second = ids.next(NOW), ids.next(NOW - 900 * MILLISECOND)
    assert first < second
    earlier = NOW - timedelta(hours=1)
    assert id_since("e", earlier) < ids.next(earlier) < id_since("e", earlier + MILLISECOND)


def test_threads_make_no_id_twice() -> None:
    ids = RisingIds("e")
    made = at_once([lambda: [ids.next(NOW) for _number in range(500)]] * 8)
    assert len({each for some in made for each in some}) == 4000
    assert all(some == sorted(some) for some in made)
