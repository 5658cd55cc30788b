"""Bringing the earlier system's database over: what is stored, what was there, what is refused and why."""

import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Model
from django.utils.translation import gettext_lazy as _

from bookings.calendars import calendar_of
from bookings.domain import expiry_of
from bookings.imports import import_bookings
from bookings.models import Booking
from events.imports import import_events
from events.models import Event
from legacy.d1_rows import READERS, read_booking
from legacy.d1_source import Row, chunks
from portal.actors import Actor
from portal.errors import Rejected
from vouchers.imports import hotel_of_issuer, import_vouchers
from vouchers.models import Hotel, Voucher
from vouchers.states import Status

# What two rows of one id have to share to be the same thing; statuses may have changed here since.
_SAME: Mapping[str, tuple[str, ...]] = {
    "vouchers": (
        "hotel_id",
        "title",
        "service_type",
        "duration_minutes",
        "valid_from",
        "valid_until",
        "created_at",
    ),
    "voucher_bookings": ("voucher_id", "hotel_id", "holder_uid", "created_at"),
    "events": ("type", "subject_id", "created_at"),
}
_MODELS: Mapping[str, type[Model]] = {"vouchers": Voucher, "voucher_bookings": Booking, "events": Event}


@dataclass(frozen=True, slots=True)
class Refused:
    """A row that is not brought over."""

    table: str
    row_id: str
    code: str
    reason: str


@dataclass(slots=True)
class Tally:
    """What became of a table's rows."""

    imported: int = 0
    there: int = 0
    refused: int = 0


@dataclass(slots=True)
class Import:
    """One run over the whole database.

    `refuse` is told every row that is refused; `advance` how many rows were looked at.
    """

    source: sqlite3.Connection
    by: Actor
    now: datetime
    refuse: Callable[[Refused], None]
    advance: Callable[[str, int], None]
    tallies: dict[str, Tally] = field(default_factory=lambda: {table: Tally() for table in READERS})
    # The first live booking of each voucher: a second one is refused.
    _live: dict[str, Booking] = field(default_factory=dict)
    _hotels: dict[str, Hotel] = field(default_factory=dict)

    def run(self) -> None:
        """Bring vouchers, their bookings and the journal over, some hundred rows in each transaction.

        A run that was broken off can be repeated: what is there already is left alone.
        """
        for rows in chunks(self.source, "voucher_bookings"):
            for row in rows:
                self._note_live(row)
        self._bring("vouchers", self._check_voucher, self._store_vouchers)
        self._bring("voucher_bookings", self._check_booking, self._store_bookings)
        self._bring("events", self._check_event, import_events)

    def _note_live(self, row: Row) -> None:
        try:
            booking = read_booking(row)
        except Rejected:
            return
        if booking.is_standing:
            self._live.setdefault(booking.voucher_id, booking)

    def _bring(
        self,
        table: str,
        check: Callable[[Any, Mapping[str, Voucher]], None],
        store: Callable[[Sequence[Any]], None],
    ) -> None:
        tally = self.tallies[table]
        for rows in chunks(self.source, table):
            fresh, there = self._read(table, rows)
            vouchers = _vouchers_of(table, fresh)
            kept = []
            for thing in fresh:
                try:
                    check(thing, vouchers)
                except Rejected as error:
                    self._refuse(table, thing.pk, error)
                else:
                    kept.append(thing)
            store(kept)
            tally.imported += len(kept)
            tally.there += there
            self.advance(table, len(rows))

    def _read(self, table: str, rows: Iterable[Row]) -> tuple[list[Any], int]:
        """Return the rows of a chunk that are new and well-formed, and how many are there already."""
        read: dict[str, Any] = {}
        for row in rows:
            try:
                thing = READERS[table](row)
                if thing.pk in read:
                    raise Rejected("row_repeated", _("Another row has the same id."))
                read[thing.pk] = thing
            except Rejected as error:
                self._refuse(table, row["id"], error)
        there = 0
        for key, found in _MODELS[table]._default_manager.in_bulk(list(read)).items():
            thing = read.pop(str(key))
            if all(getattr(found, name) == getattr(thing, name) for name in _SAME[table]):
                there += 1
            else:
                self._refuse(
                    table, str(key), Rejected("row_differs", _("This id is there, of something else."))
                )
        return list(read.values()), there

    def _refuse(self, table: str, row_id: object, error: Rejected) -> None:
        self.tallies[table].refused += 1
        told = row_id if isinstance(row_id, str) else repr(row_id)
        self.refuse(Refused(table, told[:200], error.code, error.message))

    def _check_voucher(self, voucher: Voucher, _vouchers: Mapping[str, Voucher]) -> None:
        live = self._live.get(voucher.pk)
        if voucher.status != Status.BOOKED:
            if voucher.status == Status.CONSUMED:
                voucher.redeemed_from = Status.BOOKED if live else Status.ISSUED
            return
        if live is None:
            raise Rejected("voucher_booking_missing", _("This voucher is booked, but has no live booking."))
        try:
            _refuse_mismatched(live, voucher)
        except Rejected as error:
            raise Rejected(
                "voucher_booking_missing",
                _("This voucher is booked, but its booking is refused: %(reason)s"),
                reason=error.message,
            ) from error
        voucher.hotel = self._hotel_of(voucher.hotel_id, is_made=False)
        voucher.expires_at = expiry_of(voucher, calendar_of(voucher), live.slot_start)

    def _hotel_of(self, uid: str, *, is_made: bool = True) -> Hotel:
        """Return an issuer's hotel; with `is_made`, in the database."""
        hotel = self._hotels.get(uid) or Hotel.objects.filter(pk=uid).first()
        if hotel is None:
            hotel = hotel_of_issuer(uid, by=self.by, now=self.now) if is_made else Hotel(uid=uid, name=uid)
        if is_made:
            self._hotels[uid] = hotel
        return hotel

    def _store_vouchers(self, vouchers: Sequence[Voucher]) -> None:
        for uid in {voucher.hotel_id for voucher in vouchers}:
            self._hotel_of(uid)
        import_vouchers(vouchers, by=self.by, now=self.now)

    def _check_booking(self, booking: Booking, vouchers: Mapping[str, Voucher]) -> None:
        voucher = vouchers.get(booking.voucher_id)
        if voucher is None:
            raise Rejected("booking_voucher_missing", _("Its voucher was refused, or never was."))
        if booking.is_standing:
            first = self._live[voucher.pk]
            if first.pk != booking.pk:
                overlaps = first.slot_start < booking.slot_end and booking.slot_start < first.slot_end
                code = "booking_overlapping" if overlaps else "booking_doubled"
                raise Rejected(code, _("Its voucher has another live booking."))
            if voucher.status not in (Status.BOOKED, Status.CONSUMED):
                raise Rejected("voucher_not_booked", _("Its voucher is not booked."))
        _refuse_mismatched(booking, voucher)
        booking.language = voucher.hotel.default_language

    def _store_bookings(self, bookings: Sequence[Booking]) -> None:
        import_bookings(bookings, by=self.by, now=self.now)

    def _check_event(self, event: Event, vouchers: Mapping[str, Voucher]) -> None:
        voucher = vouchers.get(event.subject_id)
        event.issuer_uid = voucher.hotel_id if voucher is not None else ""


def _vouchers_of(table: str, things: Iterable[Any]) -> dict[str, Voucher]:
    """Return the stored vouchers that bookings or events are about: one query."""
    if table == "vouchers":
        return {}
    name = "voucher_id" if table == "voucher_bookings" else "subject_id"
    keys = [getattr(thing, name) for thing in things]
    return Voucher.objects.select_related("hotel").in_bulk(keys)


def _refuse_mismatched(booking: Booking, voucher: Voucher) -> None:
    """Raise unless a booking can be this voucher's."""
    if booking.hotel_id != voucher.hotel_id:
        raise Rejected("booking_issuer_differs", _("Booking and voucher name different issuers."))
    if booking.is_standing and booking.holder_uid != voucher.holder_uid:
        raise Rejected("booking_holder_differs", _("Booking and voucher name different holders."))
    if booking.slot_start < voucher.valid_from or booking.slot_end > voucher.valid_until:
        raise Rejected("slot_outside_validity", _("The voucher is not valid at this time."))
