"""What mails say, and when they are owed."""

import re
from datetime import timedelta
from email.message import Message
from typing import Any

import pytest
import time_machine
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.utils import translation
from django_tasks_db.models import DBTaskResult
from icalendar import Calendar

from bookings.domain import cancel_booking, move_booking
from bookings.mails import compose
from bookings.models import Booking, Mail, MailKind
from bookings.outbox import LINKS_PER_HOUR, owe_link
from portal.errors import Conflict
from presence.domain import read_guest_link_token
from tests.checks import conflicting, unchanged
from tests.make import (
    CLERK,
    GUEST,
    GUEST_UID,
    NOW,
    OTHER_UID,
    make_booking,
    make_hotel,
    make_offer,
    make_voucher,
    make_vouchers,
)

pytestmark = pytest.mark.django_db

MAIL = "ann@guest.example"
START = NOW + timedelta(days=1, hours=1)


@pytest.fixture(autouse=True)
def public_url(settings: Any) -> None:
    settings.PUBLIC_URL = "https://vouchers.example.com"


def booked(**fields: Any) -> Booking:
    """Return a booking that owes its guest a confirmation."""
    hotel = make_hotel(address="Keizersgracht 410", email="desk@hotel.example", phone="+31 20 555 0123")
    voucher = fields.pop("voucher", None) or make_voucher(make_offer(hotel, max_per_guest=99))
    return make_booking(voucher, start=START, **{"name": "Ann Visser", "email": MAIL, **fields})


def mail_of(kind: str = "booked") -> Mail:
    return Mail.objects.select_related("booking__voucher__offer", "booking__hotel").get(kind=kind)


def written(kind: str = "booked") -> tuple[EmailMultiAlternatives, Message]:
    """Return a mail that is owed as it is composed, and as it goes over the line."""
    message = compose(mail_of(kind), now=NOW)
    return message, message.message()


def parts_of(wire: Message) -> dict[str, str]:
    """Return the parts of a mail by their type."""
    return {
        part.get_content_type(): part.get_payload(decode=True).decode()  # type: ignore[union-attr]
        for part in wire.walk()
        if not part.is_multipart()
    }


# What they say


@pytest.mark.parametrize(
    ("language", "subject", "words", "when"),
    [
        ("en", "Booked: Spa hour, Tue 3 Mar, 10:00–11:00", "your time is booked.", "Tue 3 Mar, 10:00–11:00"),
        ("de", "Spa hour", "", "Di., 3. März, 10:00–11:00"),
        ("nl", "Spa hour", "", "di 3 mrt, 10:00–11:00"),
    ],
)
def test_a_confirmation_says_what_when_and_where_in_the_guests_language(
    language: str, subject: str, words: str, when: str
) -> None:
    booked(language=language)
    message, wire = written()
    assert subject in str(message.subject)
    assert when in str(message.subject).replace("Mär.", "März")
    for text in (parts_of(wire)["text/plain"], parts_of(wire)["text/html"]):
        assert words in text
        for word in ("Ann Visser", "Spa hour", when, "Hotel hotel-a", "Keizersgracht 410", "+31 20 555 0123"):
            assert word in text.replace("Mär.", "März"), word
    assert f'lang="{language}"' in parts_of(wire)["text/html"]


@pytest.mark.parametrize("language", ["de", "nl"])
def test_a_mail_in_another_language_is_not_in_english(language: str) -> None:
    booked(language=language)
    _message, wire = written()
    assert "your time is booked" not in parts_of(wire)["text/plain"]
    assert "See, move or cancel" not in parts_of(wire)["text/html"]


def test_every_kind_says_what_happened() -> None:
    booking = booked()
    move_booking(booking_id=booking.pk, start=START + timedelta(hours=2), by=GUEST, now=NOW)
    _message, moved = written("moved")
    assert "your booking has moved to another time." in parts_of(moved)["text/plain"]
    cancel_booking(booking_id=booking.pk, by=CLERK, now=NOW, reason="The sauna is being mended")
    message, cancelled = written("cancelled")
    assert str(message.subject).startswith("Cancelled: Spa hour")
    assert "your booking is cancelled." in parts_of(cancelled)["text/plain"]
    for kind in ("text/plain", "text/html"):
        text = parts_of(cancelled)[kind]
        assert "The sauna is being mended" in text
    owe_link(MAIL, now=NOW)
    message, link = written("link")
    assert message.subject == "Your bookings"
    assert "Spa hour" not in parts_of(link)["text/plain"]


def test_a_mail_goes_to_the_guest_and_answers_go_to_the_hotel(settings: Any) -> None:
    settings.DEFAULT_FROM_EMAIL = "vouchers@example.com"
    booked()
    message, wire = written()
    assert (message.to, message.cc, message.bcc) == ([MAIL], [], [])
    assert (wire["From"], wire["Reply-To"]) == ("vouchers@example.com", "desk@hotel.example")


def test_links_are_absolute_and_the_guests_link_opens_their_bookings() -> None:
    booking = booked()
    _message, wire = written()
    for text in (parts_of(wire)["text/plain"], parts_of(wire)["text/html"]):
        assert f"https://vouchers.example.com/booking/{booking.pk}/" in text
        token = re.search(r"https://vouchers\.example\.com/guest/([^/\s\"]+)/", text)
        assert token is not None
        assert read_guest_link_token(token[1]) == GUEST_UID
    assert re.findall(r'href="(?!https://vouchers\.example\.com/)', parts_of(wire)["text/html"]) == []


@pytest.mark.parametrize("kind", ["booked", "moved"])
def test_a_mail_about_a_time_brings_it_for_the_calendar(kind: str) -> None:
    booking = booked()
    move_booking(booking_id=booking.pk, start=START + timedelta(hours=2), by=GUEST, now=NOW)
    _message, wire = written(kind)
    (event,) = Calendar.from_ical(parts_of(wire)["text/calendar"]).walk("VEVENT")
    assert event["DTSTART"].dt == START + timedelta(hours=2)
    assert [part.get_filename() for part in wire.walk() if part.get_filename()] == ["booking.ics"]


@pytest.mark.parametrize(
    ("kind", "method"), [("booked", "REQUEST"), ("moved", "REQUEST"), ("cancelled", "CANCEL")]
)
def test_a_mail_asks_calendar_programs_to_follow(kind: str, method: str) -> None:
    booking = booked()
    move_booking(booking_id=booking.pk, start=START + timedelta(hours=2), by=GUEST, now=NOW)
    cancel_booking(booking_id=booking.pk, by=GUEST, now=NOW)
    _message, wire = written(kind)
    (part,) = (part for part in wire.walk() if part.get_content_type() == "text/calendar")
    # The method stands in the type as well: mail programs look there alone (RFC 6047, 2.4).
    assert (part.get_param("method"), part.get_content_charset()) == (method, "utf-8")
    raw = part.get_payload(decode=True)
    assert raw.replace(b"\r\n", b"").count(b"\n") == 0
    calendar = Calendar.from_ical(raw)
    (event,) = calendar.walk("VEVENT")
    assert calendar["METHOD"] == method
    assert (event["SEQUENCE"], event["STATUS"]) == (2, "CANCELLED")
    assert event["ORGANIZER"] == "mailto:desk@hotel.example"
    assert event["ATTENDEE"] == f"mailto:{MAIL}"
    assert event["ATTENDEE"].params["PARTSTAT"] == "ACCEPTED"


def test_a_mail_with_a_link_brings_nothing_for_the_calendar() -> None:
    booked()
    owe_link(MAIL, now=NOW)
    assert "text/calendar" not in parts_of(written("link")[1])


def test_a_mail_has_the_same_id_whenever_it_is_written_and_no_other_has_it() -> None:
    booking = booked()
    move_booking(booking_id=booking.pk, start=START + timedelta(hours=2), by=GUEST, now=NOW)
    first, again, other = written()[1], written()[1], written("moved")[1]
    assert first["Message-ID"] == again["Message-ID"]
    assert first["Message-ID"] != other["Message-ID"]
    assert re.fullmatch(r"<mail-\d+\.b-[0-9a-z-]+@vouchers\.example\.com>", first["Message-ID"])


INJECTIONS = [
    "Ann\r\nBcc: all@guest.example",
    "Ann\nSubject: cheap",
    "Ann\u2028Bcc: x",
    "\r\n\r\n<b>hello</b>",
    "=?utf-8?b?QmNjOg==?=",
]


@pytest.mark.parametrize("text", INJECTIONS)
def test_no_text_makes_a_header(text: str) -> None:
    hotel = make_hotel(name=f"Hotel {text}"[:120], address=text)
    offer = make_offer(hotel, title=f"Spa {text}", max_per_guest=9)
    booking = booked(voucher=make_voucher(offer), name=text, note=text)
    cancel_booking(booking_id=booking.pk, by=CLERK, now=NOW, reason=text)
    for kind in ("booked", "cancelled"):
        _message, wire = written(kind)
        assert sorted(wire.keys()) == [
            "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To",
        ]  # fmt: skip
        assert "\n" not in wire["Subject"].replace("\n ", "")
        assert wire["To"] == MAIL


def test_what_guests_type_is_text_in_a_mail_of_html() -> None:
    booked(name="<script>alert(1)</script>")
    html = parts_of(written()[1])["text/html"]
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert "Hello <script>alert(1)</script>," in parts_of(written()[1])["text/plain"]


def test_writing_a_mail_leaves_the_language_as_it_was() -> None:
    booked(language="de")
    with translation.override("nl"):
        written()
        assert translation.get_language() == "nl"


def test_a_mail_without_a_name_greets_all_the_same() -> None:
    booked(name="")
    assert parts_of(written()[1])["text/plain"].startswith("Hello,\n")


# When they are owed


def test_a_booking_that_is_refused_owes_no_mail() -> None:
    first, second = make_vouchers(make_offer(capacity=1, max_per_guest=9), 2)
    make_booking(first, start=START, email=MAIL)
    with conflicting("slot_taken"):
        make_booking(second, start=START, email=MAIL, holder_uid=OTHER_UID)


def test_a_change_that_is_rolled_back_owes_no_mail_and_no_work() -> None:
    voucher = make_voucher(make_offer())
    with unchanged(), transaction.atomic():
        booked(voucher=voucher)
        assert (Mail.objects.count(), DBTaskResult.objects.count()) == (1, 1)
        transaction.set_rollback(True)


def test_a_mail_and_its_work_are_noted_together_with_the_change() -> None:
    booked()
    assert DBTaskResult.objects.get().args_kwargs == {"args": [Mail.objects.get().pk], "kwargs": {}}


def test_asking_for_a_link_owes_one_to_whoever_booked_last_with_the_address() -> None:
    with time_machine.travel(NOW, tick=False):
        booked(holder_uid=OTHER_UID)
        booked(holder_uid=GUEST_UID)
    owe_link(MAIL.upper(), now=NOW)
    assert mail_of("link").guest_uid in (GUEST_UID, OTHER_UID)
    assert mail_of("link").recipient == MAIL


@pytest.mark.parametrize("address", ["bob@guest.example", "", "ann@guest.example.evil.example"])
def test_asking_for_a_link_to_an_unknown_address_owes_nothing(address: str) -> None:
    booked()
    booked(email="")
    with unchanged():
        owe_link(address, now=NOW)


def test_asking_for_links_again_and_again_uses_up_nobodys_mails() -> None:
    booking = booked()
    for _time in range(50):
        owe_link(MAIL, now=NOW)
    assert Mail.objects.filter(kind="link").count() == LINKS_PER_HOUR
    move_booking(booking_id=booking.pk, start=START + timedelta(hours=1), by=GUEST, now=NOW)
    assert Mail.objects.filter(kind="moved").exists()
    owe_link(MAIL, now=NOW + timedelta(hours=1))
    assert Mail.objects.filter(kind="link").count() == LINKS_PER_HOUR + 1


def test_one_guest_cannot_send_mails_to_many_addresses(settings: Any) -> None:
    settings.MAILS_PER_GUEST_PER_HOUR = 3
    for number in range(6):
        booked(email=f"victim-{number}@guest.example")
    assert Mail.objects.count() == 3
    booked(email="other@guest.example", holder_uid=OTHER_UID)
    assert Mail.objects.count() == 4


def test_many_guests_cannot_send_mails_to_one_address(settings: Any) -> None:
    settings.MAILS_PER_ADDRESS_PER_HOUR = 3
    for number in range(6):
        booked(holder_uid=f"guest-{number}")
    assert Mail.objects.count() == 3


@pytest.mark.parametrize("kind", ["moved", "cancelled"])
def test_what_a_hotel_does_to_a_booking_is_told_however_many_mails_there_were(
    settings: Any, kind: str
) -> None:
    settings.MAILS_PER_ADDRESS_PER_HOUR = 1
    booking = booked()
    if kind == "moved":
        move_booking(booking_id=booking.pk, start=START + timedelta(hours=1), by=CLERK, now=NOW)
    else:
        cancel_booking(booking_id=booking.pk, by=CLERK, now=NOW)
    assert Mail.objects.filter(kind=kind).count() == 1


def test_moving_to_and_fro_does_not_flood_a_guest(settings: Any) -> None:
    settings.MAILS_PER_ADDRESS_PER_HOUR = 3
    booking = booked()
    for number in range(1, 7):
        move_booking(booking_id=booking.pk, start=START + timedelta(hours=number), by=GUEST, now=NOW)
    assert Mail.objects.count() == 3


def test_a_refused_change_is_a_conflict_and_owes_nothing() -> None:
    booking = booked()
    cancel_booking(booking_id=booking.pk, by=GUEST, now=NOW)
    with unchanged(), pytest.raises(Conflict):
        move_booking(booking_id=booking.pk, start=START + timedelta(hours=1), by=GUEST, now=NOW)
    assert Mail.objects.filter(kind=MailKind.MOVED).count() == 0
