"""A place on a calendar, as an address names it: month, day, slot. Read when a template first asks."""

from collections.abc import Mapping
from datetime import date, datetime
from functools import cached_property
from typing import Any

from bookings.calendars import Bookable
from bookings.models import Booking
from bookings.queries import CalendarView, calendar_view, nearest_slots
from bookings.slots import Slot


class CalendarPlace:
    """Where an address stands on the calendar of a voucher or batch, for one moment."""

    # Whether choosing a slot here holds it, and whether one may wait for what is full.
    takes_holds = False
    can_wait = False

    def __init__(
        self, promise: Bookable, place: Mapping[str, Any], now: datetime, guest_uid: str = ""
    ) -> None:
        """Stand at a place; what is held for `guest_uid` is free for them."""
        self.promise = promise
        self.hotel = promise.hotel
        self._place = place
        self._now = now
        self._guest_uid = guest_uid

    @property
    def wanted(self) -> datetime | None:
        """When the slot that the address names starts."""
        return self._place.get("slot")

    @cached_property
    def calendar(self) -> CalendarView:
        """The month and the day that the address names; the day of its slot if it names no day."""
        day: date | None = self._place.get("day")
        if day is None and self.wanted is not None:
            day = self.wanted.astimezone(self.hotel.zone).date()
        return self._view(self._place.get("month"), day)

    def _view(self, month: date | None, day: date | None) -> CalendarView:
        return calendar_view(self.promise, now=self._now, month=month, day=day, guest_uid=self._guest_uid)

    @cached_property
    def slot(self) -> Slot | None:
        """The slot that the address names, while it is free."""
        day = self.calendar.day
        if self.wanted is None or day is None:
            return None
        return next((slot for slot in day.slots if slot.start == self.wanted and slot.left), None)

    @cached_property
    def nearest_if_needed(self) -> list[Slot]:
        """Free slots near the one that the address names, when that one cannot be had."""
        if self.wanted is None or self.slot is not None:
            return []
        return nearest_slots(self.promise, self.wanted, now=self._now, guest_uid=self._guest_uid)


class MovePlace(CalendarPlace):
    """A place on the calendar of a voucher that is booked: where its booking may move to."""

    def __init__(self, booking: Booking, place: Mapping[str, Any], now: datetime) -> None:
        """Begin at the booking's own month where the address names no other place."""
        promise = booking.voucher
        named = {name: value for name, value in place.items() if value is not None}
        if not named:
            named["month"] = booking.slot_start.astimezone(promise.hotel.zone).date()
        super().__init__(promise, named, now, booking.holder_uid)
