"""A guest's erasure, told by canaries: words that stand nowhere any more once it is done."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django_tasks_db.models import DBTaskResult

from access.domain import create_key
from bookings.domain import GuestDetails, cancel_booking
from bookings.forgetting import forget_old_bookings
from bookings.models import Booking, Hold, Mail
from events.models import Event
from guests.domain import ask_for_link, erase_guest, forget_by_age, prune_requests
from guests.models import LinkRequest
from parties.domain import ask_to_join, bring, leave_party, press, start_party
from parties.models import Member, MemberState, Party
from portal.actors import CLOCK
from portal.callers import Scope
from presence import store
from presence.models import Presence, PresenceStatus
from tests.checks import conflicting, unchanged
from tests.make import (
    CLERK,
    GUEST,
    GUEST_UID,
    HOTEL_SYSTEM,
    NOW,
    OTHER_UID,
    make_booking,
    make_offer,
    make_voucher,
)
from tests.web import address, browser_of, words_of
from tests.worker import work
from waiting.domain import join_waiting, serve_all

pytestmark = pytest.mark.django_db

NAME, EMAIL, NOTE, WHY, CALLED = (
    "Canaria Birdsworth", "canaria@cage.example", "canary by the window", "canary has a cold", "Canarybird",
)  # fmt: skip
CANARY = "canar"
START = NOW + timedelta(days=1, hours=1)


def traces() -> set[str]:
    """Every column of every table of the database, ours or not, that holds the canary."""
    found = set()
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            columns = [
                column.name for column in connection.introspection.get_table_description(cursor, table)
            ]
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            for row in cursor.fetchall():
                for column, value in zip(columns, row, strict=True):
                    text = (
                        bytes(value).decode(errors="replace")
                        if isinstance(value, bytes | memoryview)
                        else str(value)
                    )
                    if CANARY in text.casefold():
                        found.add(f"{table}.{column}")
    return found


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """All that the project's own log handler writes, and what any logger says beside it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    for logger in (logging.getLogger(), logging.getLogger("django")):
        logger.addHandler(handler)
    yield stream
    for logger in (logging.getLogger(), logging.getLogger("django")):
        logger.removeHandler(handler)


def live_a_guests_life(client: Client) -> Booking:
    """Book by the page, cancel with a reason, ask for a link, meet a party, and be handled by the API."""
    offer = make_offer(max_per_guest=9)
    make_voucher(offer)
    batch = make_voucher(offer).batch_id
    typed = {"name": NAME, "email": EMAIL, "note": NOTE}
    assert client.post(address(voucher=batch, slot=START), typed).status_code == 303
    booking = Booking.objects.get(guest_name=NAME)
    work()
    assert client.post(f"/booking/{booking.pk}/cancel/", {"reason": WHY}).status_code == 302
    client.post("/guest/", {"email": EMAIL})
    # One that no worker has come to yet, and one whose mail cannot be sent.
    work()
    client.post("/guest/", {"email": EMAIL})
    client.post(f"/booking/{booking.pk}/cancel/", {"reason": "x" * 300})
    _, secret = create_key(
        name="pms", hotel=offer.hotel, scopes=[Scope.WRITE_BOOKINGS], by=HOTEL_SYSTEM, now=NOW
    )
    answer = client.post(
        "/api/voucher/cancel",
        json.dumps({"booking_id": booking.pk}),
        content_type="application/json",
        headers={"Authorization": f"Bearer {secret}", "Idempotency-Key": "once"},
    )
    assert WHY in answer.content.decode()
    wait_for_a_place_and_be_offered_it()
    party = start_party(uid=GUEST_UID, name=CALLED, size=2, now=NOW)
    ask_to_join(code=party.pair_code, uid=OTHER_UID, name="Bob", now=NOW)
    Member.objects.filter(uid=OTHER_UID).update(state=MemberState.IN)
    store.beat(GUEST_UID, pair_code=party.pair_code, status=PresenceStatus.ONLINE, now=NOW)
    store.beat(OTHER_UID, pair_code=party.pair_code, status=PresenceStatus.ONLINE, now=NOW)
    bring(uid=GUEST_UID, promise_key=str(batch), email=EMAIL, language="en", now=NOW)
    bring(uid=OTHER_UID, promise_key=str(batch), email="bob@guest.example", language="en", now=NOW)
    members = Member.objects.values_list("pk", flat=True)
    assert not press(uid=GUEST_UID, start=START, shown=set(members), now=NOW)
    return booking


def wait_for_a_place_and_be_offered_it() -> None:
    full = make_offer(title="Dinner", capacity=1)
    taken = make_booking(make_voucher(full), start=START, holder_uid=OTHER_UID)
    join_waiting(
        promise_key=str(make_voucher(full).batch_id),
        day=START.date(),
        start=START,
        guest=GuestDetails(name=NAME, email=EMAIL),
        by=GUEST,
        now=NOW,
    )
    cancel_booking(booking_id=taken.pk, by=CLERK, now=NOW)
    assert serve_all(NOW) == 1


def test_an_erased_guest_has_left_no_trace_anywhere(written: io.StringIO) -> None:
    client = browser_of(GUEST_UID)
    booking = live_a_guests_life(client)
    assert {
        "bookings_booking.guest_name", "bookings_booking.guest_email", "bookings_booking.guest_note",
        "bookings_booking.cancel_reason", "bookings_mail.recipient", "parties_member.name",
        "parties_member.email", "parties_party.outcome", "guests_linkrequest.address",
        "access_givenanswer.body", "waiting_entry.guest_name", "waiting_entry.guest_email",
        "bookings_mail.facts",
    } == traces()  # fmt: skip
    assert client.post("/my/data/delete/").status_code == 200
    assert traces() == set()
    assert not Hold.objects.exists()
    assert CANARY not in written.getvalue().casefold()
    # What a worker does afterwards brings nothing back.
    sent = len(mail.outbox)
    work()
    assert len(mail.outbox) == sent
    assert traces() == set()
    # Exports, and what staff see.
    out = io.StringIO()
    call_command("export_bookings", stdout=out)
    assert booking.pk in out.getvalue()
    staff = Client()
    staff.force_login(User.objects.create_superuser("root"))
    pages = [out.getvalue(), staff.get(f"/admin/bookings/booking/{booking.pk}/change/").content.decode()]
    pages += [
        staff.get(path).content.decode() for path in ("/admin/bookings/booking/", "/admin/events/event/")
    ]
    pages.append(json.dumps(list(Event.objects.values()), default=str))
    assert not [page for page in pages if CANARY in page.casefold()]


def test_the_traces_are_looked_for_in_every_table_that_there_is() -> None:
    make_booking(name=NAME)
    DBTaskResult.objects.update(traceback=NOTE)
    User.objects.create(username="clerk", last_name=CANARY)
    found = traces()
    assert {"bookings_booking.guest_name", "auth_user.last_name"} <= found


def test_erasing_keeps_the_slot_and_its_voucher_and_says_so_in_the_journal() -> None:
    booking = make_booking(name=NAME, email=EMAIL)
    cancel_booking(booking_id=booking.pk, by=GUEST, now=NOW)
    assert erase_guest(uid=GUEST_UID, by=GUEST, now=NOW) == 1
    booking.refresh_from_db()
    assert (booking.holder_uid, booking.slot_start, booking.forgotten_at) == (
        GUEST_UID,
        NOW + timedelta(days=1),
        NOW,
    )
    assert list(Event.objects.filter(type="guest.forget").values_list("subject_id", "actor_id")) == [
        (GUEST_UID, GUEST_UID)
    ]


def test_a_guest_with_a_booking_to_come_is_not_erased_at_all() -> None:
    make_booking(name=NAME)
    start_party(uid=GUEST_UID, name=CALLED, size=2, now=NOW)
    members = list(Member.objects.values())
    with conflicting("bookings_upcoming"):
        erase_guest(uid=GUEST_UID, by=GUEST, now=NOW)
    assert list(Member.objects.values()) == members


def test_erasing_one_guest_leaves_the_others_of_a_party() -> None:
    party = start_party(uid=GUEST_UID, name=CALLED, size=2, now=NOW)
    ask_to_join(code=party.pair_code, uid=OTHER_UID, name="Bob", now=NOW)
    Member.objects.filter(uid=OTHER_UID).update(state=MemberState.IN)
    erase_guest(uid=GUEST_UID, by=GUEST, now=NOW)
    assert list(Member.objects.values_list("name", flat=True)) == ["Bob"]
    erase_guest(uid=OTHER_UID, by=GUEST, now=NOW)
    assert not Party.objects.exists()


def test_whoever_leaves_a_party_is_not_named_there_any_more() -> None:
    party = start_party(uid=OTHER_UID, name="Bob", size=2, now=NOW)
    ask_to_join(code=party.pair_code, uid=GUEST_UID, name=CALLED, now=NOW)
    Member.objects.filter(uid=GUEST_UID).update(state=MemberState.IN)
    Party.objects.update(outcome={"is_booked": True, "by": CALLED, "names": ["Bob", CALLED], "at": "x"})
    leave_party(uid=GUEST_UID, now=NOW)
    assert Party.objects.get().outcome == {"is_booked": True, "by": "–", "names": ["Bob", "–"], "at": "x"}


# What staff write is theirs; what a guest writes can be erased


def test_a_guests_reason_stays_out_of_the_journal_and_the_hotels_goes_in() -> None:
    first, second = make_booking(), make_booking(make_voucher(), start=START)
    cancel_booking(booking_id=first.pk, by=GUEST, now=NOW, reason=WHY)
    cancel_booking(booking_id=second.pk, by=CLERK, now=NOW, reason="Flooded")
    cancelled = Event.objects.filter(type="voucher.cancel")
    reasons = {event.subject_id: event.meta.get("reason") for event in cancelled}
    assert reasons == {first.voucher_id: None, second.voucher_id: "Flooded"}


# Kept no longer than needed


def test_guests_of_old_bookings_are_forgotten_and_those_of_younger_ones_are_not(settings: Any) -> None:
    settings.GUEST_DATA_DAYS = 30
    old = make_booking(make_voucher(), name=NAME, email=EMAIL)
    young = make_booking(make_voucher(), start=NOW + timedelta(days=3), name="Bob", email="bob@guest.example")
    later = old.slot_end + timedelta(days=30, seconds=1)
    assert forget_by_age(by=CLOCK, now=later) == 1
    old.refresh_from_db()
    young.refresh_from_db()
    assert (old.guest_name, old.guest_email, young.guest_name) == ("", "", "Bob")
    assert set(Mail.objects.values_list("booking", flat=True)) == {young.pk}
    with unchanged():
        assert forget_by_age(by=CLOCK, now=later) == 0


def test_nothing_is_forgotten_by_age_where_the_setting_says_never(settings: Any) -> None:
    settings.GUEST_DATA_DAYS = 0
    make_booking(name=NAME)
    with unchanged():
        assert forget_by_age(by=CLOCK, now=NOW + timedelta(days=9999)) == 0


def test_old_bookings_are_forgotten_a_few_hundred_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bookings.forgetting._AT_ONCE", 2)
    for _number in range(3):
        make_booking(make_voucher(), name=NAME)
    later = NOW + timedelta(days=3)
    numbers = [forget_old_bookings(ended_before=later, by=CLOCK, now=later) for _time in range(3)]
    assert numbers == [2, 1, 0]


# Links by e-mail


@pytest.mark.parametrize("asked", [EMAIL, EMAIL.upper(), "stranger@nowhere.example"])
def test_asking_for_a_link_costs_the_same_statements_for_any_address(
    asked: str, django_assert_num_queries: Any
) -> None:
    make_booking(name=NAME, email=EMAIL)
    with django_assert_num_queries(4):
        ask_for_link(address=asked, now=NOW)


def test_a_link_goes_to_whoever_has_booked_and_to_nobody_else() -> None:
    make_booking(name=NAME, email=EMAIL)
    work()
    mail.outbox.clear()
    ask_for_link(address="stranger@nowhere.example", now=NOW)
    ask_for_link(address=EMAIL.upper(), now=NOW)
    assert LinkRequest.objects.count() == 2
    work()
    work()
    assert [message.to for message in mail.outbox] == [[EMAIL]]
    assert not LinkRequest.objects.exists()


def test_a_request_that_no_worker_came_to_is_forgotten_after_an_hour() -> None:
    ask_for_link(address=EMAIL, now=NOW)
    assert prune_requests(NOW + timedelta(minutes=59)) == 0
    assert prune_requests(NOW + timedelta(minutes=61)) == 1


def test_nobody_asks_for_very_many_links() -> None:
    answers = [
        browser_of().post("/guest/", {"email": f"a{number}@b.example"}).status_code for number in range(8)
    ]
    assert answers == [200] * 6 + [429] * 2
    assert LinkRequest.objects.count() == 6


# Seen and taken along


def test_a_guest_sees_and_takes_along_what_every_table_holds_of_them() -> None:
    client = browser_of(GUEST_UID)
    live_a_guests_life(client)
    words = words_of(client.get("/my/data/"))
    for word in (NAME, EMAIL, NOTE, CALLED):
        assert word in words
    data = json.loads(client.get("/my/data/download/").content)
    told = {name: len(rows) for name, rows in data.items() if isinstance(rows, list)}
    assert told["bookings"] == told["parties"] == told["presence"] == told["link_requests"] == 1
    assert told["mails"] >= 2
    assert {row["type"] for row in data["journal"]} == {"voucher.book", "voucher.cancel"}
    assert "bob@guest.example" not in json.dumps(data)
    assert Presence.objects.filter(pk=GUEST_UID).exists()
