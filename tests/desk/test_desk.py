"""The front desk over HTTP: a day by time, a search, and one press for each thing."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils.http import urlencode

from bookings.codes import voucher_code
from bookings.domain import cancel_booking, withdraw_voucher
from bookings.models import Booking, Mail
from desk.queries import line_of
from events.models import Event
from presence.rooms import heartbeat
from staff.roles import FRONT_DESK
from tests.checks import unchanged
from tests.make import (
    CLERK,
    GUEST_UID,
    NOW,
    OTHER_UID,
    make_booking,
    make_hotel,
    make_offer,
    make_voucher,
    make_vouchers,
)
from tests.staff import sign_in
from tests.web import words_of
from vouchers.domain import redeem_voucher
from vouchers.models import Offer, Voucher

pytestmark = pytest.mark.django_db
# A Wednesday, 11:00 in Amsterdam; the guest's slot begins an hour later.
MORNING = datetime(2026, 3, 4, 10, tzinfo=UTC)
START = MORNING + timedelta(hours=1)
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def clock() -> Any:
    with time_machine.travel(MORNING, tick=False) as traveller:
        yield traveller


@pytest.fixture
def desk() -> Client:
    clerk = User.objects.create_user("clerk", is_staff=True)
    clerk.groups.add(Group.objects.get(name=FRONT_DESK))
    make_hotel().staff.add(clerk)
    return sign_in(clerk)


@pytest.fixture
def offer() -> Offer:
    return make_offer(capacity=9, max_per_guest=9)


@pytest.fixture
def booking(offer: Offer) -> Booking:
    return make_booking(make_voucher(offer), start=START, name="Ann Visser", email="ann@guest.example")


def press(desk: Client, verb: str, voucher: Voucher | str, **headers: str) -> Any:
    key = voucher if isinstance(voucher, str) else voucher.pk
    return desk.post(f"/desk/{verb}/", {"voucher": key}, headers=headers or HTMX)


def find(desk: Client, text: str) -> Any:
    return desk.get("/desk/", {"q": text})


# The day


def test_today_is_shown_by_time(desk: Client, offer: Offer, booking: Booking) -> None:
    make_booking(
        make_voucher(offer), start=START - timedelta(hours=1), name="Early Bird", holder_uid=OTHER_UID
    )
    make_booking(make_voucher(offer), start=START + timedelta(days=1), name="Tomorrow", holder_uid=OTHER_UID)
    gone = make_booking(make_voucher(offer), start=START, name="Gone", holder_uid=OTHER_UID)
    cancel_booking(booking_id=gone.pk, by=CLERK, now=MORNING)
    words = words_of(desk.get("/desk/"))
    places = [words.index(text) for text in ("11:00", "Early Bird", "12:00", "Ann Visser")]
    assert places == sorted(places)
    assert "Tomorrow" not in words
    assert "Gone" not in words
    assert "Tomorrow" in words_of(desk.get("/desk/?day=2026-03-05"))


def test_who_has_arrived_and_who_is_online_is_shown(desk: Client, booking: Booking) -> None:
    heartbeat(uid=GUEST_UID, now=MORNING)
    press(desk, "arrived", booking.voucher)
    words = words_of(desk.get("/desk/"))
    assert "here since 11:00" in words
    assert "online" in words
    assert Event.objects.get(type="booking.arrive").actor_id == "staff:clerk"


def test_a_list_that_has_not_changed_costs_nothing(desk: Client, booking: Booking) -> None:
    headers = {**HTMX, "HX-Target": "desk-list"}
    first = desk.get("/desk/", headers=headers)
    assert first.content.decode().lstrip().startswith('<ul id="desk-list"')
    again = desk.get("/desk/", headers={**headers, "If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    press(desk, "redeem", booking.voucher)
    assert desk.get("/desk/", headers={**headers, "If-None-Match": first.headers["ETag"]}).status_code == 200


def polled(desk: Client, address: str) -> Any:
    """Ask for the list of an open page, as the page itself does."""
    page = desk.get(address).content.decode()
    (path,) = re.findall(r'data-poll="([^"]+)"', page)
    return lambda: desk.get(path.replace("&amp;", "&"), headers={**HTMX, "HX-Target": "desk-list"})


def test_the_page_of_today_is_that_of_the_next_day_after_midnight(
    desk: Client, booking: Booking, clock: Any
) -> None:
    open_page, of_a_day = polled(desk, "/desk/"), polled(desk, "/desk/?day=2026-03-04")
    assert "Ann Visser" in words_of(open_page())
    # Midnight in Amsterdam is at 23:00.
    clock.shift(timedelta(hours=12, minutes=59))
    assert "HX-Refresh" not in open_page().headers
    clock.shift(timedelta(minutes=1))
    answer = open_page()
    assert (answer.status_code, answer.content, answer.headers["HX-Refresh"]) == (204, b"", "true")
    # Whoever has chosen the day goes on seeing it.
    assert "Ann Visser" in words_of(of_a_day())
    assert "HX-Refresh" not in of_a_day().headers
    assert desk.get("/desk/?shown=never").status_code == 200


def test_a_day_costs_as_many_statements_with_one_booking_as_with_many(
    desk: Client, offer: Offer, booking: Booking, django_assert_num_queries: Any
) -> None:
    desk.get("/desk/")
    with django_assert_num_queries(7):
        desk.get("/desk/")
    for number in range(5):
        make_booking(make_voucher(offer), start=START, holder_uid=f"guest-{number}")
    with django_assert_num_queries(7):
        desk.get("/desk/")


# One press


def test_one_press_redeems_and_another_takes_it_back(desk: Client, booking: Booking) -> None:
    answer = press(desk, "redeem", booking.voucher)
    assert answer.status_code == 200
    assert answer.content.decode().lstrip().startswith(f'<li id="line-{booking.voucher_id}"')
    assert "Consumed" in words_of(answer)
    assert "Undo" in words_of(answer)
    assert Voucher.objects.get().status == "consumed"
    assert "Redeem" in words_of(press(desk, "undo", booking.voucher))
    assert Voucher.objects.get().status == "booked"


def test_after_five_minutes_nothing_is_taken_back(desk: Client, booking: Booking, clock: Any) -> None:
    press(desk, "redeem", booking.voucher)
    clock.shift(timedelta(minutes=5, seconds=1))
    assert "Undo" not in words_of(desk.get("/desk/"))
    answer = press(desk, "undo", booking.voucher)
    assert answer.status_code == 422
    assert "can be undone for five minutes only" in words_of(answer)


def test_a_second_redemption_says_why_not(desk: Client, booking: Booking) -> None:
    press(desk, "redeem", booking.voucher)
    answer = press(desk, "redeem", booking.voucher)
    assert answer.status_code == 409
    assert "This voucher has been used." in words_of(answer)
    assert Event.objects.filter(type="voucher.redeem").count() == 1


def test_who_has_not_come_is_marked_from_the_slots_begin_on(
    desk: Client, booking: Booking, clock: Any
) -> None:
    assert 'formaction="/desk/no-show/"' not in desk.get("/desk/").content.decode()
    assert press(desk, "no-show", booking.voucher).status_code == 422
    clock.shift(timedelta(hours=1))
    assert 'formaction="/desk/no-show/"' in desk.get("/desk/").content.decode()
    assert "Not come" in words_of(press(desk, "no-show", booking.voucher))
    assert Booking.objects.get().no_show_at is not None


def test_a_booking_is_cancelled_with_a_reason(desk: Client, booking: Booking) -> None:
    path = f"/desk/cancel/{booking.voucher_id}/"
    assert "the guest is told by e-mail" in words_of(desk.get(path))
    assert desk.post(path, {"reason": ""}).status_code == 422
    answer = desk.post(path, {"reason": "The boiler is cold."})
    assert answer.status_code == 302
    stored = Booking.objects.get()
    assert (stored.status, stored.cancel_reason) == ("cancelled", "The boiler is cold.")
    assert Mail.objects.filter(kind="cancelled").count() == 1


def test_without_javascript_a_press_leads_back_to_the_line(desk: Client, booking: Booking) -> None:
    answer = press(desk, "redeem", booking.voucher, Accept="text/html")
    assert answer.status_code == 302
    assert answer.headers["Location"] == f"/desk/?hotel=hotel-a&day=2026-03-04#line-{booking.voucher_id}"
    again = press(desk, "redeem", booking.voucher, Accept="text/html")
    assert again.status_code == 409
    assert "This voucher has been used." in words_of(again)


# The booking that was shown


def give_to_another(booking: Booking, name: str = "Bob Bakker") -> Booking:
    """Cancel a booking, and let another guest have its voucher."""
    cancel_booking(booking_id=booking.pk, by=CLERK, now=MORNING)
    return make_booking(
        booking.voucher, start=START + timedelta(hours=1), name=name, holder_uid=OTHER_UID, now=MORNING
    )


def press_shown(desk: Client, verb: str, booking: Booking, shown: str | None = None) -> Any:
    data = {"voucher": booking.voucher_id, "booking": booking.pk if shown is None else shown}
    return desk.post(f"/desk/{verb}/", data, headers=HTMX)


@pytest.mark.parametrize("verb", ["redeem", "undo", "arrived", "no-show"])
def test_a_press_on_a_line_never_is_about_another_guests_booking(
    desk: Client, booking: Booking, clock: Any, verb: str
) -> None:
    other = give_to_another(booking)
    clock.shift(timedelta(hours=3))
    if verb == "undo":
        redeem_voucher(voucher_id=other.voucher_id, by=CLERK, now=MORNING + timedelta(hours=3))
    with unchanged():
        answer = press_shown(desk, verb, booking)
    assert answer.status_code == 409
    assert "is not the one that was shown here any more" in words_of(answer)
    # The line is that of whoever has the voucher now.
    assert "Bob Bakker" in words_of(answer)
    assert press_shown(desk, verb, other).status_code == 200


def test_a_press_on_a_line_whose_booking_is_gone_uses_no_voucher(desk: Client, booking: Booking) -> None:
    cancel_booking(booking_id=booking.pk, by=CLERK, now=MORNING)
    with unchanged():
        assert press_shown(desk, "redeem", booking).status_code == 409


def test_a_line_without_a_booking_is_not_that_of_one_made_since(desk: Client, booking: Booking) -> None:
    with unchanged():
        assert press_shown(desk, "redeem", booking, "").status_code == 409
    cancel_booking(booking_id=booking.pk, by=CLERK, now=MORNING)
    assert press_shown(desk, "redeem", booking, "").status_code == 200


def test_whoever_is_faster_than_a_press_is_seen_by_it(
    desk: Client, booking: Booking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overtaken(*args: Any) -> Any:
        found = line_of(*args)
        if booking.pk in Booking.objects.standing().values_list("pk", flat=True):
            give_to_another(booking)
        return found

    monkeypatch.setattr("desk.views.line_of", overtaken)
    assert press_shown(desk, "redeem", booking).status_code == 409
    assert Voucher.objects.get().status == "booked"


def test_a_line_says_which_booking_it_shows(desk: Client, booking: Booking) -> None:
    page = desk.get("/desk/").content.decode()
    assert f'data-booking="{booking.pk}"' in page
    assert f'name="booking" value="{booking.pk}"' in page
    assert f"/desk/cancel/{booking.voucher_id}/?booking={booking.pk}" in page


def test_the_page_that_cancels_is_about_one_booking_only(desk: Client, booking: Booking) -> None:
    path = f"/desk/cancel/{booking.voucher_id}/"
    assert f'name="booking" value="{booking.pk}"' in desk.get(path).content.decode()
    give_to_another(booking)
    assert desk.get(f"{path}?booking={booking.pk}").status_code == 409
    with unchanged():
        for reason in ("He asked.", ""):
            answer = desk.post(path, {"reason": reason, "booking": booking.pk})
            assert answer.status_code == 409
            assert "Find the guest again." in words_of(answer)


@pytest.mark.parametrize("shown", ["\x00", "b 1", "x" * 100])
def test_no_booking_has_such_an_id(desk: Client, booking: Booking, shown: str) -> None:
    assert press_shown(desk, "redeem", booking, shown).status_code == 400
    path = f"/desk/cancel/{booking.voucher_id}/"
    assert desk.post(path, {"reason": "Why", "booking": shown}).status_code == 400


# Finding


def test_a_guest_is_found_by_name_id_voucher_and_code(desk: Client, booking: Booking) -> None:
    code = voucher_code(booking.voucher_id)
    for text in ("visser", "ANN", booking.pk, booking.voucher_id, code, f"  {code} "):
        answer = find(desk, text)
        assert answer.status_code == 200
        assert "Ann Visser" in words_of(answer), text


def test_a_voucher_without_a_booking_is_found_and_redeemed_for_a_walk_in(desk: Client, offer: Offer) -> None:
    voucher = make_voucher(offer)
    assert "no booking" in words_of(find(desk, voucher_code(voucher.pk)))
    assert "Consumed" in words_of(press(desk, "redeem", voucher))


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("consumed", "Consumed"),
        ("cancelled", "Cancelled"),
        ("expired", "Expired"),
    ],
)
def test_what_cannot_be_redeemed_says_what_it_is(
    desk: Client, offer: Offer, what: str, sentence: str
) -> None:

    voucher = make_voucher(offer)
    if what == "consumed":
        redeem_voucher(voucher_id=voucher.pk, by=CLERK, now=NOW)
    elif what == "cancelled":
        withdraw_voucher(voucher_id=voucher.pk, by=CLERK, now=NOW)
    else:
        past = NOW - timedelta(days=1)
        Voucher.objects.filter(pk=voucher.pk).update(valid_from=past, valid_until=NOW, expires_at=NOW)
    words = words_of(find(desk, voucher_code(voucher.pk)))
    assert sentence in words
    assert "Redeem" not in words
    answer = press(desk, "redeem", voucher)
    assert answer.status_code == 409
    assert re.search("has been used|has withdrawn|has expired", words_of(answer))


def test_a_forged_code_and_another_hotels_are_refused_by_name(desk: Client, booking: Booking) -> None:
    code = voucher_code(booking.voucher_id)
    for forged in (code[:-1] + ("A" if code[-1] != "A" else "B"), f"{booking.voucher_id}:x", "v-1:2:3", ":"):
        answer = find(desk, forged)
        assert answer.status_code == 404
        assert "This code is not genuine" in words_of(answer)
    foreign = make_voucher(make_offer(make_hotel("hotel-b")))
    answer = find(desk, voucher_code(foreign.pk))
    assert answer.status_code == 403
    assert "This voucher is another hotel’s." in words_of(answer)
    # By its id alone it is not there: nobody looks for it.
    assert "Nothing was found." in words_of(find(desk, foreign.pk))
    for verb in ("redeem", "undo", "arrived", "no-show"):
        assert press(desk, verb, foreign).status_code == 404
    assert Voucher.objects.get(pk=foreign.pk).status == "issued"


@pytest.mark.parametrize(
    "text", ["", " ", "%", "_", "\x00", "\ud800".encode("utf-8", "replace").decode(), "x" * 200, "🜁", "'; --"]
)
def test_garbage_finds_nothing_and_breaks_nothing(desk: Client, booking: Booking, text: str) -> None:
    assert find(desk, text).status_code == 200


def test_what_is_longer_than_any_code_is_not_genuine(desk: Client, booking: Booking) -> None:
    code = voucher_code(booking.voucher_id)
    for text in ("https://other.example/?" + "x" * 220, "x" * 201, code + "x" * 200):
        answer = find(desk, text)
        assert answer.status_code == 404
        assert "This code is not genuine" in words_of(answer)


@pytest.mark.parametrize("query", ["hotel=hotel-b", "hotel=nothing"])
def test_another_hotels_desk_is_not_there(desk: Client, query: str) -> None:
    make_hotel("hotel-b")
    assert desk.get(f"/desk/?{query}").status_code == 404
    assert desk.get(f"/desk/walk-in/?{query}").status_code == 404


@pytest.mark.parametrize(
    "query", ["day=never", "day=9999-12-31", "day=0001-01-01", "hotel=..", "day=2026-02-30"]
)
def test_a_bad_address_is_no_error(desk: Client, query: str) -> None:
    assert desk.get(f"/desk/?{query}").status_code == 200


def test_the_page_holds_no_code_but_knows_each_again(desk: Client, booking: Booking) -> None:
    import hashlib

    page = desk.get("/desk/").content.decode()
    code = voucher_code(booking.voucher_id)
    assert code not in page
    assert f'data-code="{hashlib.sha256(code.encode()).hexdigest()}"' in page


# Walk-in


def test_a_walk_in_is_booked_on_an_open_voucher(desk: Client, offer: Offer) -> None:
    batch = make_voucher(offer).batch_id
    assert offer.title in words_of(desk.get("/desk/walk-in/"))
    path = f"/desk/walk-in/?batch={batch}"
    page = desk.get(path).content.decode()
    slot = "slot-2026-03-04T13:00:00Z"
    assert f'value="{slot}"' in page
    answer = desk.post(path, {"slot": slot, "name": "Walter Walk", "email": ""})
    assert answer.status_code == 302
    booking = Booking.objects.get()
    assert (booking.guest_name, booking.slot_start.hour) == ("Walter Walk", 13)
    assert Event.objects.filter(type="voucher.book", actor_id="staff:clerk").exists()
    assert "Walter Walk" in words_of(desk.get(answer.headers["Location"]))


def test_a_walk_in_pressed_twice_is_booked_once(desk: Client, offer: Offer) -> None:
    batch = make_vouchers(offer, 2)[0].batch_id
    path = f"/desk/walk-in/?batch={batch}"
    page = desk.get(path).content.decode()
    (key,) = re.findall(r'name="form_key" value="([0-9a-f-]{36})"', page)
    typed = {"slot": "slot-2026-03-04T13:00:00Z", "name": "Walter Walk", "form_key": key}
    first, second = desk.post(path, typed), desk.post(path, typed)
    assert (first.status_code, second.headers["Location"]) == (302, first.headers["Location"])
    assert Booking.objects.count() == 1
    assert key not in desk.get(path).content.decode()


def test_a_key_of_another_hotels_form_opens_nothing(desk: Client, offer: Offer) -> None:
    key = "2b0e1a52-5c5f-4b0e-9a59-0a3b0e5d7c11"
    foreign = make_voucher(make_offer(make_hotel("hotel-z"), title="Secret bath"))
    make_booking(foreign, start=datetime(2026, 3, 4, 13, tzinfo=UTC), form_key=key)
    path = f"/desk/walk-in/?batch={make_voucher(offer).batch_id}"
    with unchanged():
        answer = desk.post(path, {"slot": "slot-2026-03-04T13:00:00Z", "name": "W", "form_key": key})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 422),
        ({"slot": "soon", "name": "W"}, 422),
        ({"slot": "slot-2026-03-04T13:00:00Z"}, 422),
        ({"slot": "slot-2026-03-04T13:00:00Z", "name": "W", "email": "nobody"}, 422),
        ({"slot": "slot-2026-03-04T03:00:00Z", "name": "W"}, 422),
        ({"slot": "slot-2026-03-04T13:00:00Z", "name": "a\x00b"}, 422),
    ],
)
def test_a_walk_in_that_cannot_be_booked_is_refused(
    desk: Client, offer: Offer, fields: Any, status: int
) -> None:
    batch = make_voucher(offer).batch_id
    assert desk.post(f"/desk/walk-in/?batch={batch}", fields).status_code == status
    assert not Booking.objects.exists()


def test_another_hotels_vouchers_are_not_there_for_a_walk_in(desk: Client) -> None:
    batch = make_voucher(make_offer(make_hotel("hotel-b"), title="Secret bath")).batch_id
    assert "Secret bath" not in words_of(desk.get("/desk/walk-in/"))
    assert desk.get(f"/desk/walk-in/?batch={batch}").status_code == 404
    slot = {"slot": "slot-2026-03-04T13:00:00Z", "name": "W"}
    assert desk.post(f"/desk/walk-in/?batch={batch}", slot).status_code == 404


# Who may


@pytest.mark.parametrize(
    ("here", "there"),
    [
        ("http://testserver/desk/?hotel=hotel-a&day=2026-03-05", "/desk/?hotel=hotel-a&day=2026-03-05"),
        ("http://testserver/desk/redeem/", "/desk/"),
        ("http://evil.example/desk/?day=2026-03-05", "/desk/"),
        ("javascript:alert(1)", "/desk/"),
        ("", "/desk/"),
    ],
)
def test_an_open_page_goes_to_sign_in_whole_when_nobody_is_signed_in(
    booking: Booking, here: str, there: str
) -> None:
    headers = {**HTMX, "HX-Target": "desk-list", "HX-Current-URL": here}
    with unchanged():
        answers = [
            Client().get("/desk/", headers=headers),
            Client().post("/desk/redeem/", {"voucher": booking.voucher_id}, headers=headers),
        ]
    for answer in answers:
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["HX-Redirect"] == f"/admin/login/?{urlencode({'next': there})}"
        assert "no-store" in answer.headers["Cache-Control"]


def test_what_is_kept_by_an_earlier_page_is_not_taken_for_sent(booking: Booking) -> None:
    assert press(Client(), "redeem", booking.voucher).status_code == 302


def test_who_may_not_is_refused(booking: Booking) -> None:
    nobody = User.objects.create_user("nobody", is_staff=True)
    make_hotel().staff.add(nobody)
    client = sign_in(nobody)
    assert client.get("/desk/").status_code == 403
    assert press(client, "redeem", booking.voucher).status_code == 403
    clerk = User.objects.create_user("homeless", is_staff=True)
    clerk.groups.add(Group.objects.get(name=FRONT_DESK))
    assert sign_in(clerk).get("/desk/").status_code == 403
    assert Client().get("/desk/").status_code == 302
    assert Voucher.objects.get().status == "booked"
