"""The manifest page: composes vouchers, calendar and booking form from an address.

Everything is read when a template first asks for it, so that a fragment costs only what
it shows.
"""

from datetime import date, datetime
from functools import cached_property
from typing import Any

from django.http import Http404

from bookings.forms import BookingForm
from bookings.models import Booking
from bookings.queries import CalendarView, calendar_view, nearest_slots, next_free_slots, own_bookings
from bookings.slots import Slot
from portal.forms import SORT_NAMES, ManifestForm
from vouchers import queries
from vouchers.models import Batch, Voucher
from vouchers.queries import Card, Filters
from vouchers.states import Status


class Chosen:
    """The voucher or batch that the address names, with its calendar at the address's day."""

    def __init__(
        self, promise: Voucher | Batch, place: dict[str, Any], guest_uid: str, now: datetime
    ) -> None:
        self.promise = promise
        self.hotel = promise.hotel
        self._place = place
        self._guest_uid = guest_uid
        self._now = now

    @property
    def key(self) -> str:
        """What the address calls it."""
        return self.promise.pk

    @property
    def is_batch(self) -> bool:
        """True for vouchers that were issued together and that nobody holds."""
        return isinstance(self.promise, Batch)

    @cached_property
    def status(self) -> Status:
        """The status that the guest sees."""
        if isinstance(self.promise, Voucher):
            return self.promise.shown(self._now)
        if self.promise.valid_until <= self._now:
            return Status.EXPIRED
        return Status.ISSUED if self.promise.open_issued else Status.BOOKED

    @property
    def is_bookable(self) -> bool:
        """True while a slot can be booked with it."""
        return self.status == Status.ISSUED

    @cached_property
    def booking(self) -> Booking | None:
        """The guest's own booking of this voucher."""
        if isinstance(self.promise, Batch):
            return None
        standing = own_bookings(self._guest_uid).filter(voucher=self.promise, status="booked")
        return standing.first()

    @cached_property
    def calendar(self) -> CalendarView:
        """The month and the day that the address names; the day of its slot if it names no day."""
        day: date | None = self._place.get("day")
        slot: datetime | None = self._place.get("slot")
        if day is None and slot is not None:
            day = slot.astimezone(self.hotel.zone).date()
        return calendar_view(self.promise, now=self._now, month=self._place.get("month"), day=day)

    @property
    def wanted(self) -> datetime | None:
        """When the slot that the address names starts."""
        return self._place.get("slot")

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
        return nearest_slots(self.promise, self.wanted, now=self._now)


class Manifest:
    """The whole page, for one guest at one moment."""

    def __init__(self, form: ManifestForm, guest_uid: str, now: datetime) -> None:
        form.is_valid()
        self.form = form
        self.guest_uid = guest_uid
        self.now = now
        self.filters: Filters = form.filters()
        self.booking_form: BookingForm | None = None
        self.message = ""

    @cached_property
    def _page(self) -> queries.CardPage:
        after = self.form.cleaned_data.get("after") or ""
        return queries.card_page(self.guest_uid, self.filters, now=self.now, cursor=after)

    @property
    def cards(self) -> list[Card]:
        """This page's cards."""
        return self._page.cards

    @property
    def more(self) -> str:
        """The cursor of the next page; empty on the last."""
        return self._page.cursor

    @cached_property
    def next_free(self) -> dict[str, Slot | None]:
        """The next free slot of each card that can be booked."""
        bookable = [card.promise for card in self.cards if card.status == Status.ISSUED]
        return next_free_slots(bookable, now=self.now)

    @cached_property
    def tabs(self) -> list[tuple[str, str, int]]:
        """The status filter: value, label, true count."""
        counts = queries.status_counts(self.guest_uid, self.filters, now=self.now)
        labels = self.form.fields["status"].choices  # type: ignore[attr-defined]
        return [(value, str(label), counts[value]) for value, label in labels]

    @cached_property
    def _choices(self) -> queries.Choices:
        return queries.choices()

    @property
    def hotels(self) -> list[queries.HotelChoice]:
        """The hotels to choose from."""
        return self._choices.hotels

    @property
    def services(self) -> list[str]:
        """The services to choose from."""
        return self._choices.services

    @property
    def sorts(self) -> dict[str, Any]:
        """The orders to choose from."""
        return SORT_NAMES

    @cached_property
    def chosen(self) -> Chosen | None:
        """The voucher that the address names.

        Raises Http404 for one that does not exist or is somebody else's: nobody can tell which.
        """
        key = self.form.cleaned_data.get("voucher")
        if not key:
            return None
        promise: Voucher | Batch | None
        if key.startswith("vb-"):
            promise = Batch.objects.select_related("hotel", "offer").filter(pk=key).first()
        else:
            visible = Voucher.objects.visible_to(self.guest_uid)
            promise = visible.select_related("hotel", "offer").filter(pk=key).first()
        if promise is None:
            raise Http404
        return Chosen(promise, self.form.cleaned_data, self.guest_uid, self.now)

    @cached_property
    def step(self) -> str:
        """How far the guest has come: a phone shows one step at a time."""
        return "list" if self.chosen is None else "calendar"
