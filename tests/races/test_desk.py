"""Two desks that redeem one voucher at the same moment: one does, the other is told."""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.races.conftest import Hotel
from tests.races.truth import Truth
from tests.servers import Answer, Browser, at_once

TOKEN = "a" * 32


def desk(hotel: Hotel) -> Browser:
    """Return the browser of a clerk who is signed in."""
    return Browser(hotel.portal, {"sessionid": hotel.clerk.ask("session"), "csrftoken": TOKEN})


def press(browser: Browser, verb: str, voucher: str) -> Callable[[], Answer]:
    fields = {"csrfmiddlewaretoken": TOKEN, "voucher": voucher}
    return lambda: browser.twin().post(f"/desk/{verb}/", fields)


@pytest.mark.sample
def test_of_many_desks_that_redeem_one_voucher_one_does(hotel: Hotel) -> None:
    made = hotel.offer(vouchers=4, capacity=4)
    desks = [desk(hotel) for _number in range(4)]
    for voucher in made["vouchers"][0]:
        answers = at_once([press(one, "redeem", voucher) for one in desks * 4])
        assert Counter(answer.status for answer in answers) == {302: 1, 409: 15}
        refused = next(answer for answer in answers if answer.status == 409)
        assert "This voucher has been used." in refused.body
    events = Truth(hotel.database_url).read([made["offer"]]).events_of("redeem")
    assert len(events) == 4


def test_redeeming_and_taking_back_at_once_leaves_one_of_the_two(hotel: Hotel) -> None:
    made = hotel.offer(vouchers=1, capacity=1)
    (voucher,) = made["vouchers"][0]
    one = desk(hotel)
    press(one, "redeem", voucher)()
    answers = at_once([press(one, verb, voucher) for verb in ["undo", "redeem"] * 6])
    assert {answer.status for answer in answers} <= {302, 409}
    stored = Truth(hotel.database_url).read([made["offer"]])
    number = len(stored.events_of("redeem")) - len(stored.events_of("unredeem"))
    assert stored.vouchers[voucher]["status"] == {0: "issued", 1: "consumed"}[number]
