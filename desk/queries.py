"""Reads for the front desk: a day by time, and whatever a guest shows or says."""

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from django.db.models import Q, QuerySet
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from bookings.codes import read_voucher_code, voucher_code
from bookings.models import Booking
from bookings.rules import arrivable_from
from bookings.wallclock import day_bounds
from portal.errors import NotAllowed, NotFound
from portal.ids import is_id
from presence import store
from vouchers.domain import UNDO_WINDOW
from vouchers.models import Hotel, Voucher
from vouchers.states import Status
from vouchers.validators import is_storable

_A_DAY = timedelta(days=1)
MOST_FOUND = 50
# Characters of what is looked for: no name, id or code of ours is longer.
MOST_TEXT = 200
MOST_OF_A_DAY = 500


@dataclass(frozen=True, slots=True)
class Line:
    """A booking, or a voucher without one, as the desk sees it at a moment."""

    voucher: Voucher
    booking: Booking | None
    status: Status
    is_online: bool
    now: datetime

    @property
    def key(self) -> str:
        """What the line is known by on the page."""
        return self.voucher.pk

    @property
    def hotel(self) -> Hotel:
        """Whose voucher it is."""
        return self.voucher.hotel

    @property
    def has_come(self) -> bool:
        """True for a guest who has been here and used the voucher."""
        return self.status == Status.CONSUMED

    @property
    def can_redeem(self) -> bool:
        """True while the voucher can be redeemed."""
        is_open = self.status == Status.ISSUED and self.now >= self.voucher.valid_from
        return is_open or self.status == Status.BOOKED

    @property
    def can_undo(self) -> bool:
        """True for five minutes after the redemption."""
        at = self.voucher.redeemed_at
        return self.has_come and at is not None and self.now - at <= UNDO_WINDOW

    @property
    def can_cancel(self) -> bool:
        """True for a live booking."""
        return self.booking is not None and self.status == Status.BOOKED

    @property
    def can_mark_no_show(self) -> bool:
        """True from the slot's begin on for a guest who has not come."""
        return self.can_cancel and self.now >= self._booking.slot_start and self._booking.no_show_at is None

    @property
    def can_arrive(self) -> bool:
        """True on the day of the slot for a guest of whom nobody has said yet that they are here."""
        return (
            self.can_cancel and self._booking.arrived_at is None and self.now >= arrivable_from(self._booking)
        )

    @property
    def has_press(self) -> bool:
        """True while there is anything to press."""
        return self.can_redeem or self.can_undo or self.can_arrive or self.can_mark_no_show

    @property
    def _booking(self) -> Booking:
        if self.booking is None:
            raise TypeError("This line has no booking.")
        return self.booking

    @property
    def code_digest(self) -> str:
        """SHA-256 of the guest's code: the page knows a code again without holding it."""
        return hashlib.sha256(voucher_code(self.voucher.pk).encode()).hexdigest()


def lines_of_day(hotel: Hotel, day: date, now: datetime) -> list[Line]:
    """Return a hotel's bookings of a day by time; of very many the first 500. Two statements."""
    since, until = day_bounds(day, hotel.zone)
    rows = _with_vouchers().filter(hotel=hotel, slot_start__gte=since, slot_start__lt=until)
    return _lines(rows.order_by("slot_start", "pk")[:MOST_OF_A_DAY], (), now)


def _with_vouchers() -> QuerySet[Booking]:
    return Booking.objects.standing().select_related("hotel", "offer", "voucher__hotel", "voucher__offer")


def _lines(bookings: Iterable[Booking], vouchers: Iterable[Voucher], now: datetime) -> list[Line]:
    pairs: list[tuple[Voucher, Booking | None]] = [(booking.voucher, booking) for booking in bookings]
    pairs += [(voucher, None) for voucher in vouchers]
    online = store.online_of({voucher.holder_uid for voucher, _booking in pairs if voucher.holder_uid}, now)
    return [
        Line(voucher, booking, voucher.shown(now), voucher.holder_uid in online, now)
        for voucher, booking in pairs
    ]


def find(text: str, hotels: Collection[str], now: datetime) -> list[Line]:
    """Return what a guest's code, an id or a name leads to, among some hotels' rows: the next slots first.

    Raises NotAllowed("voucher_foreign") for a genuine code of another hotel, NotFound("code_invalid")
    for what looks like a code and is none.
    """
    text = text.strip()
    if not text or not is_storable(text):
        return []
    if ":" in text or len(text) > MOST_TEXT:
        return [_by_code(text, hotels, now)]
    rows = _with_vouchers().filter(hotel__in=hotels)
    if is_id(text) and text.startswith(("b-", "v-")):
        found = rows.filter(Q(pk=text) | Q(voucher=text))[:1]
        if found:
            return _lines(found, (), now)
        return _lines((), _vouchers(hotels).filter(pk=text), now)
    recent = rows.filter(guest_name__icontains=text, slot_end__gt=now - _A_DAY).order_by("slot_start", "pk")
    return _lines(recent[:MOST_FOUND], (), now)


def _vouchers(hotels: Collection[str]) -> QuerySet[Voucher]:
    return Voucher.objects.select_related("hotel", "offer").filter(hotel__in=hotels)


def _by_code(code: str, hotels: Collection[str], now: datetime) -> Line:
    voucher_id = read_voucher_code(code) if len(code) <= MOST_TEXT else None
    if voucher_id is None:
        raise NotFound("code_invalid", _("This code is not genuine: no voucher of ours has it."))
    line = line_of(voucher_id, hotels, now)
    if line is None:
        raise NotAllowed("voucher_foreign", _("This voucher is another hotel’s."))
    return line


def line_of(voucher_id: str, hotels: Collection[str], now: datetime) -> Line | None:
    """Return one voucher's line with its standing booking; None for what is not these hotels'."""
    voucher = _vouchers(hotels).filter(pk=voucher_id).first()
    if voucher is None:
        return None
    booking = _with_vouchers().filter(voucher=voucher).first()
    return _lines((booking,), (), now)[0] if booking else _lines((), (voucher,), now)[0]


def etag_of(lines: Iterable[Line]) -> str:
    """Return a tag that changes when what the lines show does."""
    seen = [
        (
            line.key,
            line.status,
            line.booking and (line.booking.pk, line.booking.revision, line.booking.guest_name),
            line.booking and (str(line.booking.arrived_at), str(line.booking.no_show_at)),
            (line.is_online, line.can_undo, line.can_mark_no_show, line.can_arrive),
        )
        for line in lines
    ]
    digest = hashlib.sha256(json.dumps([get_language(), seen], default=str).encode()).hexdigest()
    return f'"{digest[:24]}"'
