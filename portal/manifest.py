"""The manifest page: composes vouchers, calendar and booking form from an address.

Everything is read when a template first asks for it, so that a fragment costs only what
it shows.
"""

from collections.abc import Callable, Hashable
from dataclasses import replace
from datetime import date, datetime
from functools import cached_property
from typing import Any, TypeVar

from django.http import Http404

from bookings.forms import BookingForm
from bookings.models import Booking, Hold
from bookings.places import CalendarPlace
from bookings.queries import CalendarView, next_free_slots, own_bookings
from bookings.slots import Slot
from portal.forms import SORT_NAMES, ManifestForm
from portal.freshness import Mark, remembered
from portal.ready import Given, Ready
from portal.replica import from_replica
from vouchers import queries
from vouchers.domain import voucher_with_all
from vouchers.models import Batch, Voucher
from vouchers.queries import Card, Filters
from vouchers.states import Status

Found = TypeVar("Found")
# Returns what a function finds, under a key; may have found it before.
Reader = Callable[[Hashable, Callable[[], Found]], Found]


class Chosen(CalendarPlace):
    """The voucher or batch that the address names, with its calendar at the address's day."""

    def __init__(
        self,
        promise: Voucher | Batch,
        place: dict[str, Any],
        guest_uid: str,
        now: datetime,
        read: Reader[CalendarView],
    ) -> None:
        super().__init__(promise, place, now, guest_uid)
        self._read = read
        self.takes_holds = self.can_wait = promise.offer_id is not None

    def _view(self, month: date | None, day: date | None) -> CalendarView:
        key = ("calendar", self.key, month, day, self._guest_uid)
        return self._read(key, lambda: super(Chosen, self)._view(month, day))

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


class Manifest:
    """The whole page, for one guest at one moment."""

    def __init__(
        self, form: ManifestForm, guest_uid: str, now: datetime, *, mark: Mark | None = None
    ) -> None:
        """Compose the page of an address; with a mark, of what was found before at the same mark."""
        form.is_valid()
        self.form = form
        self.guest_uid = guest_uid
        self.now = now
        self._mark = mark
        self.filters: Filters = form.filters()
        self.booking_form: BookingForm | None = None
        self.message = ""
        # What choosing the slot of the address has held.
        self.hold: Hold | None = None

    @property
    def seconds_held(self) -> int:
        """How long the place of the form is still held."""
        return int((self.hold.expires_at - self.now).total_seconds()) if self.hold else 0

    def _read(self, key: Hashable, read: Callable[[], Any]) -> Any:
        return read() if self._mark is None else remembered(self._mark, key, read)

    @property
    def _after(self) -> str:
        return self.form.cleaned_data.get("after") or ""

    @cached_property
    def _page(self) -> queries.CardPage:
        def read() -> queries.CardPage:
            return queries.card_page(self.guest_uid, self.filters, now=self.now, cursor=self._after)

        key = ("cards", self.guest_uid, self.filters, self._after)
        page: queries.CardPage = self._read(key, lambda: from_replica(read))
        return page

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

        def read() -> dict[str, Slot | None]:
            bookable = [card.promise for card in self.cards if card.status == Status.ISSUED]
            return next_free_slots(bookable, now=self.now, guest_uid=self.guest_uid)

        key = ("next", self.guest_uid, self.filters, self._after)
        slots: dict[str, Slot | None] = self._read(key, read)
        return slots

    @cached_property
    def tabs(self) -> list[tuple[str, str, int]]:
        """The status filter: value, label, true count."""

        def read() -> dict[str, int]:
            return queries.status_counts(self.guest_uid, self.filters, now=self.now)

        key = ("counts", self.guest_uid, replace(self.filters, status="", sort=""))
        counts: dict[str, int] = self._read(key, lambda: from_replica(read))
        labels = self.form.fields["status"].choices  # type: ignore[attr-defined]
        return [(value, str(label), counts[value]) for value, label in labels]

    @cached_property
    def _choices(self) -> queries.Choices:
        choices: queries.Choices = self._read("choices", lambda: from_replica(queries.choices))
        return choices

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
        promise: Voucher | Batch | None = self._read(
            ("promise", key, self.guest_uid), lambda: _promise(key, self.guest_uid)
        )
        if promise is None:
            raise Http404
        return Chosen(promise, self.form.cleaned_data, self.guest_uid, self.now, self._read)

    @cached_property
    def step(self) -> str:
        """How far the guest has come: a phone shows one step at a time."""
        return "list" if self.chosen is None else "calendar"


_BATCH = Ready(lambda: Batch.objects.select_related("hotel", "offer").filter(pk=Given("key")).order_by())


def _promise(key: str, guest_uid: str) -> Voucher | Batch | None:
    """Return the batch, or the voucher that this guest may see, of a key."""
    if key.startswith("vb-"):
        return _BATCH.first(key=key)
    voucher = voucher_with_all(key)
    return voucher if voucher and voucher.is_visible_to(guest_uid) else None
