"""Calendar feeds: right to the byte, secret, revocable, bounded, the same until something changes."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar
import pytest
import vobject
from django.test import Client
from ical.calendar_stream import IcsCalendarStream

from bookings.domain import cancel_booking, move_booking
from events.models import Event
from feeds.domain import (
    MOST_PER_HOTEL,
    make_guest_feed,
    make_hotel_feed,
    revoke_guest_feed,
    revoke_hotel_feed,
)
from feeds.models import Feed
from portal.errors import Conflict, Rejected
from tests.make import (
    CLERK,
    GUEST,
    GUEST_UID,
    HOTEL_SYSTEM,
    NOW,
    OTHER_UID,
    make_booking,
    make_hotel,
    make_voucher,
)
from tests.staff import act, make_staff, page_of, sign_in, sign_in_root
from tests.web import browser_of, words_of

pytestmark = pytest.mark.django_db

START = NOW + timedelta(days=1)


def guest_feed(uid: str = GUEST_UID) -> str:
    return f"/feed/{make_guest_feed(uid=uid, by=GUEST, now=NOW)}.ics"


def hotel_feed(uid: str = "hotel-a") -> str:
    return f"/feed/{make_hotel_feed(hotel=make_hotel(uid), name='Spa', by=CLERK, now=NOW)[1]}.ics"


def read(path: str) -> icalendar.Calendar:
    return icalendar.Calendar.from_ical(Client().get(path).content)


def test_a_guests_feed_shows_the_guests_bookings_and_no_others() -> None:
    mine = make_booking(make_voucher(title="Spa hour"))
    make_booking(make_voucher(), holder_uid=OTHER_UID)
    (event,) = read(guest_feed()).walk("VEVENT")
    assert event["UID"].startswith(mine.pk)
    assert event["URL"].endswith(f"/booking/{mine.pk}/")
    assert event["DTSTART"].dt == mine.slot_start
    assert "METHOD" not in read(guest_feed())


def test_a_hotels_feed_shows_its_bookings_and_nothing_of_its_guests() -> None:
    mine = make_booking(name="Ann Visser", email="ann@guest.example", note="By the window")
    make_booking(make_voucher(hotel=make_hotel("hotel-b")))
    content = Client().get(hotel_feed()).content.decode()
    (event,) = icalendar.Calendar.from_ical(content).walk("VEVENT")
    assert event["URL"].endswith(f"/admin/bookings/booking/{mine.pk}/change/")
    for word in ("Ann", "guest.example", "window", GUEST_UID):
        assert word not in content


def test_what_is_cancelled_or_long_over_is_not_shown(clock: Any) -> None:
    feed = guest_feed()
    cancelled, old = make_booking(), make_booking(make_voucher())
    cancel_booking(booking_id=cancelled.pk, by=GUEST, now=NOW)
    assert [event["UID"].split("@")[0] for event in read(feed).walk("VEVENT")] == [old.pk]
    clock.move_to(old.slot_end + timedelta(days=60))
    assert read(feed).walk("VEVENT") == []


def test_a_moved_booking_keeps_its_id_and_says_when_it_changed() -> None:
    feed, booking = guest_feed(), make_booking()
    (before,) = read(feed).walk("VEVENT")
    later = NOW + timedelta(hours=2)
    move_booking(booking_id=booking.pk, start=START + timedelta(hours=2), by=GUEST, now=later)
    (after,) = read(feed).walk("VEVENT")
    assert before["UID"] == after["UID"]
    assert (before["SEQUENCE"], after["SEQUENCE"]) == (0, 1)
    assert (before["DTSTAMP"].dt, after["DTSTAMP"].dt) == (NOW, later)
    assert after["LAST-MODIFIED"].dt == later


# Right to the byte


ODD = 'Thermen „Süd“; Sauna, Bad \\ "Ünïcödé" 🚤 שלום ' * 3


def logical(raw: bytes) -> list[bytes]:
    return raw.replace(b"\r\n ", b"").split(b"\r\n")


def test_every_line_is_short_whole_text_and_ends_as_it_should() -> None:
    make_booking(make_voucher(hotel=make_hotel(name=ODD[:120], address=ODD[:250]), title=ODD[:120]))
    raw = Client().get(guest_feed()).content
    assert raw.endswith(b"END:VCALENDAR\r\n")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    lines = raw.split(b"\r\n")[:-1]
    assert max(map(len, lines)) <= 75
    assert any(line.startswith(b" ") and max(line) > 127 for line in lines)
    for line in lines:
        line.decode()  # No character is cut in two.


def test_the_head_says_what_rfc_7986_has_for_it(settings: Any) -> None:
    settings.PUBLIC_URL = "https://vouchers.example.com"
    feed = hotel_feed()
    lines = logical(Client().get(feed).content)
    assert lines[:2] == [b"BEGIN:VCALENDAR", b"VERSION:2.0"]
    for wanted in (
        rb"PRODID:-//Hotel voucher portal//EN",
        rb"UID:f-[0-9a-z-]+@vouchers\.example\.com",
        rb"NAME:Hotel hotel-a",
        rb"REFRESH-INTERVAL;VALUE=DURATION:PT1H",
        rb"SOURCE;VALUE=URI:http://testserver" + re.escape(feed.encode()),
        rb"URL:https://vouchers\.example\.com/",
        rb"COLOR:teal",
    ):
        assert len([line for line in lines if re.fullmatch(wanted, line)]) == 1, wanted


@pytest.mark.parametrize(
    "zone", ["Europe/Amsterdam", "America/New_York", "Australia/Lord_Howe", "Atlantic/Azores"]
)
def test_three_readers_see_the_same_wall_time_on_both_sides_of_a_clock_change(zone: str, clock: Any) -> None:
    hotel = make_hotel(time_zone=zone)
    tz = ZoneInfo(zone)
    walls = [datetime(2026, month, 15, 10, tzinfo=tz) for month in (4, 7, 11)]
    for wall in walls:
        voucher = make_voucher(
            hotel=hotel, valid_from=wall.astimezone(UTC), valid_until=wall + timedelta(days=2)
        )
        make_booking(voucher, start=wall.astimezone(UTC))
    raw = Client().get(guest_feed()).content.decode()
    strict = icalendar.Calendar.from_ical(raw)
    loose = vobject.readOne(raw)
    third = IcsCalendarStream.calendar_from_ics(raw)
    assert zone in {str(part["TZID"]) for part in strict.walk("VTIMEZONE")}
    for events in (
        [event["DTSTART"].dt for event in strict.walk("VEVENT")],
        [event.dtstart.value for event in loose.vevent_list],
        [event.dtstart for event in third.events],
    ):
        assert [(at.replace(tzinfo=None), at.utcoffset()) for at in events] == [
            (wall.replace(tzinfo=None), wall.utcoffset()) for wall in walls
        ]


def test_bookings_of_several_zones_bring_all_of_them() -> None:
    for zone in ("Europe/Amsterdam", "America/New_York", "UTC"):
        uid = zone.lower().replace("/", "-").replace("_", "-")
        make_booking(make_voucher(hotel=make_hotel(uid, time_zone=zone)))
    calendar = read(guest_feed())
    assert {str(part["TZID"]) for part in calendar.walk("VTIMEZONE")} == {
        "Europe/Amsterdam",
        "America/New_York",
    }
    assert len({event["DTSTART"].dt.astimezone(UTC) for event in calendar.walk("VEVENT")}) == 1


# Over HTTP


def test_a_calendar_that_has_not_changed_is_not_sent_again(clock: Any) -> None:
    feed, booking = guest_feed(), make_booking()
    first = Client().get(feed)
    assert first.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert "private" in first.headers["Cache-Control"]
    clock.shift(timedelta(hours=1))
    tag = first.headers["ETag"]
    again = Client().get(feed, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", tag)
    head = Client().head(feed)
    assert (head.status_code, head.content, head.headers["ETag"]) == (200, b"", tag)
    move_booking(booking_id=booking.pk, start=START + timedelta(hours=3), by=GUEST, now=NOW)
    changed = Client().get(feed, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag


def test_a_feed_is_read_in_three_statements_however_much_is_in_it(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    feed = hotel_feed()
    for number in range(4):
        make_booking(make_voucher(), start=START + timedelta(hours=number))
    with django_assert_num_queries(3):
        assert len(read(feed).walk("VEVENT")) == 4
    monkeypatch.setattr("feeds.queries.MOST_EVENTS", 3)
    assert len(read(feed).walk("VEVENT")) == 3


@pytest.mark.parametrize("path", ["/feed/x.ics", "/feed/.ics", f"/feed/{'A' * 43}.ics", "/feed/%00.ics"])
def test_an_address_that_nobody_was_given_does_not_exist(path: str) -> None:
    guest_feed()
    assert Client().get(path).status_code == 404


def test_nothing_but_reading_is_possible() -> None:
    assert Client().post(guest_feed()).status_code == 405


# Made and revoked


def test_only_a_digest_of_the_address_is_kept() -> None:
    secret = guest_feed().removeprefix("/feed/").removesuffix(".ics")
    stored = str(list(Feed.objects.values())) + str(list(Event.objects.values()))
    assert secret not in stored
    assert len(secret) == 43


def test_a_guests_new_address_replaces_the_old_one_and_can_be_switched_off() -> None:
    make_booking()
    client = browser_of(GUEST_UID)
    first = client.post("/my/calendar/").context["address"]
    second = client.post("/my/calendar/").context["address"]
    assert Client().get(first).status_code == 404
    assert Client().get(second).status_code == 200
    page = client.get("/my/calendar/")
    assert second not in page.content.decode()
    assert "There is an address since 2026-03-02." in words_of(page)
    assert client.post("/my/calendar/revoke/").status_code == 302
    assert Client().get(second).status_code == 404
    types = Event.objects.filter(subject_type="feed").order_by("pk").values_list("type", "actor_id")
    assert sorted(types) == sorted([("feed.create", GUEST_UID), ("feed.revoke", GUEST_UID)] * 2)


def test_the_page_offers_a_way_to_subscribe_at_once() -> None:
    page = browser_of(GUEST_UID).post("/my/calendar/")
    assert page.context["webcal"].startswith("webcal://testserver/feed/")
    assert "no-store" in page.headers["Cache-Control"]


def test_nobody_has_no_feed_to_make_or_revoke() -> None:
    for path in ("/my/calendar/", "/my/calendar/revoke/"):
        assert browser_of().post(path).status_code == 404
    assert not revoke_guest_feed(uid="", by=GUEST, now=NOW)
    assert not Feed.objects.exists()


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "a\x00b"])
def test_a_hotels_feed_wants_a_name_that_can_be_kept(name: str) -> None:
    with pytest.raises(Rejected) as refusal:
        make_hotel_feed(hotel=make_hotel(), name=name, by=CLERK, now=NOW)
    assert refusal.value.code == "feed_name_invalid"


def test_a_hotel_has_so_many_feeds_at_most() -> None:
    for _number in range(MOST_PER_HOTEL):
        hotel_feed()
    with pytest.raises(Conflict) as refusal:
        hotel_feed()
    assert refusal.value.code == "feeds_too_many"
    assert Feed.objects.count() == MOST_PER_HOTEL
    hotel_feed("hotel-b")


def test_a_feed_is_revoked_once() -> None:
    feed, _secret = make_hotel_feed(hotel=make_hotel(), name="Spa", by=CLERK, now=NOW)
    revoke_hotel_feed(feed_id=feed.pk, by=CLERK, now=NOW)
    with pytest.raises(Conflict) as refusal:
        revoke_hotel_feed(feed_id=feed.pk, by=CLERK, now=NOW)
    assert refusal.value.code == "feed_revoked"


def test_a_guests_feed_is_not_the_hotels_to_revoke() -> None:
    guest_feed()
    with pytest.raises(Conflict):
        revoke_hotel_feed(feed_id=Feed.objects.get().pk, by=CLERK, now=NOW)


# In the admin


def test_staff_make_a_feed_that_is_shown_once_and_switch_it_off() -> None:
    hotel, client = make_hotel(), sign_in_root()
    make_booking(make_voucher(hotel=hotel), by=HOTEL_SYSTEM)
    response = client.post(page_of(Feed, "add"), {"name": "Spa tablet", "hotel": hotel.pk})
    address = response.context["link"]
    assert "no-store" in response.headers["Cache-Control"]
    path = address[address.index("/feed/") :]
    assert len(read(path).walk("VEVENT")) == 1
    feed = Feed.objects.get()
    for page in (page_of(feed), page_of(Feed)):
        content = client.get(page).content.decode()
        assert "Spa tablet" in content
        assert path not in content
        assert feed.digest not in content
    assert "stops working at once" in act(client, "revoke", feed).content.decode()
    act(client, "revoke", feed, apply="1")
    assert Client().get(path).status_code == 404


def test_a_feed_that_cannot_be_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    hotel, client = make_hotel(), sign_in_root()
    for typed in ({"name": "", "hotel": hotel.pk}, {"name": "Spa", "hotel": ""}):
        assert client.post(page_of(Feed, "add"), typed).status_code == 200
    monkeypatch.setattr("feeds.admin.MOST_PER_HOTEL", 0)
    assert "at most" in client.post(page_of(Feed, "add"), {"name": "Spa", "hotel": hotel.pk}).content.decode()
    assert not Feed.objects.exists()


def test_staff_without_the_permission_and_guests_feeds_are_apart() -> None:
    guest_feed()
    assert "0 calendar feeds" in sign_in_root().get(page_of(Feed)).content.decode()
    assert sign_in(make_staff(make_hotel())).get(page_of(Feed, "add")).status_code == 403
