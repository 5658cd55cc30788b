"""The waiting list's pages, its mail, and what other pages show of it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail

from bookings.domain import book_any, cancel_booking
from bookings.models import Booking, Hold, Mail
from bookings.slot_ids import slot_id
from bookings.tasks import send_mail
from portal.actors import guest
from tests.checks import unchanged
from tests.make import CLERK, GUEST_UID, NOW, OTHER_UID, make_hotel, make_offer, make_voucher, make_vouchers
from tests.staff import page_of, sign_in_root
from tests.web import TYPED, browser_of, inline_code, text_of, words_of
from vouchers.models import Batch, Voucher
from waiting.domain import accept_offer, serve_all
from waiting.models import Entry

pytestmark = pytest.mark.django_db

FIRST = datetime(2026, 3, 3, 9, tzinfo=UTC)
DETAILS = {"name": TYPED["name"], "email": TYPED["email"]}


@pytest.fixture
def batch() -> Batch:
    offer = make_offer(
        make_hotel(address="Canal 1", phone="+31 20 1", email="desk@a.example"),
        capacity=1, price_amount="20.00", cancel_notice_minutes=120, terms={"Age": "16 and over"},
    )  # fmt: skip
    return Batch.objects.get(pk=make_vouchers(offer, 12)[0].batch_id)


@pytest.fixture
def full(batch: Batch) -> list[Booking]:
    """A day that is full."""
    return [
        book_any(
            batch_id=batch.pk, start=FIRST + timedelta(hours=hour), holder_uid=f"g{hour}", by=CLERK, now=NOW
        )
        for hour in range(8)
    ]


def join_path(batch: Batch, **wish: str) -> str:
    name, value = next(iter((wish or {"day": "2026-03-03"}).items()))
    return f"/waiting/join/?voucher={batch.pk}&{name}={value}"


def join(batch: Batch, uid: str = GUEST_UID, **wish: str) -> Entry:
    details = {**DETAILS, "email": f"{uid}@guest.example"}
    response = browser_of(uid).post(join_path(batch, **wish), details)
    assert response.status_code == 302, words_of(response)
    return Entry.objects.get(pk=response.headers["Location"].split("/")[2])


def offer(batch: Batch, full: list[Booking], **wish: str) -> Entry:
    """Let a guest wait, free the first slot, and offer it."""
    entry = join(batch, **wish)
    cancel_booking(booking_id=full[0].pk, by=CLERK, now=NOW)
    assert serve_all(NOW) == 1
    return entry


def press(entry: Entry, verb: str, uid: str = GUEST_UID) -> Any:
    return browser_of(uid).post(f"/waiting/{entry.pk}/{verb}/")


def test_joining_makes_a_stranger_a_guest_and_shows_the_place_in_line(batch, full):
    client = browser_of()
    page = client.get(join_path(batch))
    assert "Spa hour, any time on Tue 3 Mar" in words_of(page)
    assert not inline_code(text_of(page))
    response = client.post(join_path(batch), DETAILS)
    shown = words_of(client.get(response.headers["Location"]))
    assert "You are number 1 in line." in shown
    assert "Any time on Tue 3 Mar" in shown
    assert "we write to ann@guest.example" in shown


def test_one_slot_is_named_and_its_line_is_its_own(clock, batch, full):
    path = join_path(batch, slot=slot_id(FIRST))
    assert "Spa hour, Tue 3 Mar, 10:00–11:00" in words_of(browser_of().get(path))
    join(batch, OTHER_UID)
    clock.shift(60)
    entry = join(batch, slot=slot_id(FIRST))
    shown = words_of(browser_of(GUEST_UID).get(f"/waiting/{entry.pk}/"))
    assert "Tue 3 Mar, 10:00" in shown
    assert "You are number 2 in line." in shown


def test_a_guest_who_has_booked_before_types_nothing_twice(batch, full):
    make = make_voucher(make_offer())
    book_any(batch_id=make.batch_id, start=FIRST, holder_uid=GUEST_UID, by=CLERK, now=NOW)
    Booking.objects.filter(holder_uid=GUEST_UID).update(guest_name="Ann V", guest_email="v@guest.example")
    page = text_of(browser_of(GUEST_UID).get(join_path(batch)))
    assert 'value="Ann V"' in page
    assert 'value="v@guest.example"' in page


@pytest.mark.parametrize(
    "query",
    ["", "voucher=vb-none&day=2026-03-03", "voucher=BATCH", "voucher=BATCH&slot=nonsense", "day=2026-03-03"],
)
def test_a_wish_for_nothing_is_not_found(batch, query):
    assert browser_of().get(f"/waiting/join/?{query.replace('BATCH', batch.pk)}").status_code == 404


def test_a_form_that_is_not_complete_is_shown_again(batch, full):
    with unchanged():
        response = browser_of().post(join_path(batch), {"name": "Ann", "email": "no"})
    assert response.status_code == 422
    assert "Enter a valid email address." in words_of(response)


def test_a_refusal_is_told_on_the_page(batch, full):
    cancel_booking(booking_id=full[0].pk, by=CLERK, now=NOW)
    response = browser_of(GUEST_UID).post(join_path(batch), DETAILS)
    assert response.status_code == 409
    assert "A place is free just now" in words_of(response)


def test_one_address_joins_six_times_a_minute(batch, full):
    for number in range(6):
        join(batch, f"thinker-{number:012}")
    response = browser_of("thinker-9").post(join_path(batch), {**DETAILS, "email": "z@guest.example"})
    assert response.status_code == 429
    assert Entry.objects.count() == 6


def test_an_offer_is_shown_with_all_that_accepting_means(batch, full):
    entry = offer(batch, full)
    page = browser_of(GUEST_UID).get(f"/waiting/{entry.pk}/")
    shown = words_of(page)
    assert "A place has become free, and it is yours to take." in shown
    assert "Held for you until Mon 2 Mar, 10:00." in shown
    assert "Book Tue 3 Mar, 10:00–11:00" in shown
    for part in ("€20.00, paid at the hotel", "possible until 2 hrs before", "16 and over", "Ann Visser"):
        assert part in shown
    assert not inline_code(text_of(page))


def test_accepting_leads_to_the_booking_and_again_to_the_same(batch, full):
    entry = offer(batch, full)
    first, second = press(entry, "accept"), press(entry, "accept")
    booking = Booking.objects.get(holder_uid=GUEST_UID)
    assert first.headers["Location"] == second.headers["Location"] == f"/booking/{booking.pk}/?new"
    shown = words_of(browser_of(GUEST_UID).get(f"/waiting/{entry.pk}/"))
    assert "You have booked the place." in shown
    assert "See the booking" in shown


def test_passing_and_leaving_are_as_easy_as_accepting(batch, full):
    entry = offer(batch, full)
    page = browser_of(GUEST_UID).get(f"/waiting/{entry.pk}/")
    assert "Whoever passes keeps their place in line" in words_of(page)
    assert press(entry, "pass").status_code == 302
    assert "You are number 1 in line." in words_of(browser_of(GUEST_UID).get(f"/waiting/{entry.pk}/"))
    assert press(entry, "leave").status_code == 302
    assert "You have left the line." in words_of(browser_of(GUEST_UID).get(f"/waiting/{entry.pk}/"))


def test_passing_the_one_slot_ends_the_wait(batch, full):
    entry = offer(batch, full, slot=slot_id(FIRST))
    page = browser_of(GUEST_UID).get(f"/waiting/{entry.pk}/")
    assert "Whoever passes leaves the line." in words_of(page)
    press(entry, "pass")
    shown = words_of(browser_of(GUEST_UID).get(f"/waiting/{entry.pk}/"))
    assert "You have passed the place on." in shown
    assert "To the calendar" in shown


@pytest.mark.parametrize("verb", ["accept", "pass"])
def test_an_offer_that_is_over_is_told_so_and_has_gone_to_the_next(batch, full, clock, verb):
    entry = offer(batch, full)
    next_one = join(batch, OTHER_UID, day="2026-03-03")
    clock.shift(timedelta(hours=1))
    response = press(entry, verb)
    assert response.status_code == 409
    assert "This offer is over" in words_of(response)
    assert "has gone to the next in line" in words_of(response)
    assert Entry.objects.get(pk=next_one.pk).state == "offered"


def test_whoever_looks_finds_the_line_as_the_clock_has_it(batch, full, clock):
    """Without a worker: the one in front has not answered, and the next who looks has the place."""
    offer(batch, full)
    next_one = join(batch, OTHER_UID)
    clock.shift(timedelta(hours=1))
    shown = words_of(browser_of(OTHER_UID).get(f"/waiting/{next_one.pk}/"))
    assert "it is yours to take" in shown


def test_what_ends_without_an_offer_says_so(batch, full, clock):
    entry = join(batch)
    clock.shift(timedelta(days=3))
    serve_all(NOW + timedelta(days=3))
    shown = words_of(browser_of(GUEST_UID).get(f"/waiting/{entry.pk}/"))
    assert "You are no longer in line" in shown
    assert "Tue 3 Mar" in shown


def test_an_accepted_offer_whose_voucher_is_used_up_says_why(batch, full):
    entry = offer(batch, full)
    Voucher.objects.filter(batch=batch, status="issued").update(status="cancelled")
    Batch.objects.filter(pk=batch.pk).update(open_issued=0)
    response = press(entry, "accept")
    assert response.status_code == 409
    assert "The last of these vouchers has just gone." in words_of(response)


@pytest.mark.parametrize("uid", ["", OTHER_UID])
def test_a_strangers_entry_is_not_there(batch, full, uid):
    entry = offer(batch, full)
    with unchanged():
        assert browser_of(uid).get(f"/waiting/{entry.pk}/").status_code == 404
        for verb in ("accept", "pass", "leave"):
            assert press(entry, verb, uid).status_code == 404


# The mail


def test_the_mail_says_what_is_free_until_when_and_where_to_answer(batch, full):
    entry = offer(batch, full)
    owed = Mail.objects.get(kind="offer")
    send_mail.func(owed.pk)
    (message,) = mail.outbox
    assert message.subject == "A place for you: Spa hour, Tue 3 Mar, 10:00–11:00"
    assert message.to == [f"{GUEST_UID}@guest.example"]
    assert message.reply_to == ["desk@a.example"]
    html = str(message.alternatives[0].content)
    for text in (message.body, html):
        assert "until Mon 2 Mar, 10:00" in text
        assert f"/waiting/{entry.pk}/" in text
        assert "/guest/" in text
        assert "Canal 1" in text
        assert "+31 20 1" in text
        assert "Ann Visser" in text
    assert str(owed) == f"Offer from the waiting list {owed.pk}"


def test_the_mail_is_in_the_language_of_who_joined(batch, full):
    browser_of(GUEST_UID).post(join_path(batch), DETAILS, headers={"Accept-Language": "de"})
    assert Entry.objects.get().language == "de"
    cancel_booking(booking_id=full[0].pk, by=CLERK, now=NOW)
    serve_all(NOW)
    send_mail.func(Mail.objects.get(kind="offer").pk)
    assert "Di., 3. März" in mail.outbox[0].subject


def test_a_mail_that_comes_too_late_is_not_sent(batch, full, clock):
    offer(batch, full)
    clock.shift(timedelta(hours=1))
    owed = Mail.objects.get(kind="offer")
    send_mail.func(owed.pk)
    assert mail.outbox == []
    owed.refresh_from_db()
    assert owed.last_error == "not sent: over since"


# Other pages


def test_my_bookings_show_where_i_am_in_line_and_offers_first(batch, full):
    entry = offer(batch, full)
    join(batch, slot=slot_id(FIRST + timedelta(hours=1)))
    shown = words_of(browser_of(GUEST_UID).get("/my/"))
    assert shown.index("A place for you") < shown.index("Number 1 in line")
    assert "held until 10:00" in shown
    assert entry.pk not in text_of(browser_of(OTHER_UID).get("/my/"))
    assert "Waiting list" not in words_of(browser_of().get("/my/"))


def test_my_data_has_my_entries_and_deleting_them_leaves_no_trace(batch, full):
    offer(batch, full)
    client = browser_of(GUEST_UID)
    assert "Waiting list Spa hour" in words_of(client.get("/my/data/"))
    content = json.loads(client.get("/my/data/download/").content)
    assert content["waiting"][0]["guest_email"] == f"{GUEST_UID}@guest.example"
    assert content["holds"][0]["offer__title"] == "Spa hour"
    assert client.post("/my/data/delete/").status_code == 200
    assert not Entry.objects.exists()
    assert not Mail.objects.filter(kind="offer").exists()


def test_data_stays_whole_while_there_is_an_upcoming_booking(batch, full):
    entry = offer(batch, full)
    accept_offer(entry_id=entry.pk, by=guest(GUEST_UID), now=NOW)
    with unchanged():
        assert browser_of(GUEST_UID).post("/my/data/delete/").status_code == 409


def test_staff_see_lines_holds_and_mails_and_change_none(batch, full):
    entry = offer(batch, full)
    other = join(batch, OTHER_UID, slot=slot_id(FIRST + timedelta(hours=2)))
    client = sign_in_root()
    shown = words_of(client.get(page_of(Entry)))
    assert "Tue, 3 Mar 2026, 12:00" in shown
    assert "Tue, 3 Mar 2026, 10:00–11:00 (Europe/Amsterdam)" in shown
    detail = words_of(client.get(page_of(entry)))
    assert "waiting.offer" in detail
    assert client.get(page_of(other)).status_code == 200
    assert client.post(page_of(entry), {}).status_code == 403
    assert GUEST_UID in words_of(client.get(page_of(Hold)))
    assert "10:00–11:00" in words_of(client.get(page_of(Hold.objects.get())))
    assert "Offer from the waiting list" in words_of(client.get(page_of(Mail)))
