"""Booking one slot for a whole party: a place for everyone, or for nobody."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from bookings.calendars import calendar_of
from bookings.domain import GuestDetails, take_slot
from bookings.guards import places_guarded
from bookings.models import Booking
from bookings.rules import refuse_unless_offered
from bookings.slots import Calendar
from portal.actors import Actor
from portal.errors import Conflict, Rejected
from vouchers.domain import refuse_unless
from vouchers.models import Voucher
from vouchers.states import Status


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One guest's part: the voucher they hold, or the batch of open vouchers they take one of."""

    holder_uid: str
    voucher_id: str = ""
    batch_id: str = ""
    guest: GuestDetails


class WishRefused(Exception):  # noqa: N818 - the word that the domain uses
    """Nobody is booked: one guest's part, or without one the whole, was refused, and why."""

    def __init__(self, wish: Wish | None, error: Rejected) -> None:
        super().__init__(error.code)
        self.wish = wish
        self.error = error


def book_together(*, wishes: Sequence[Wish], start: datetime, by: Actor, now: datetime) -> list[Booking]:
    """Book the slot that starts at `start` for every wish, in one transaction: all of them or none.

    That the guests agree, and that `by` may press for them, is the caller's to know. All
    vouchers have to be of one offer; places are taken for the whole party, so of two parties
    that want the last ones, one gets them whole.

    Raises WishRefused with what `book_slot` raises and whose part it was, and with
    Rejected("party_mixed") or Conflict("batch_used_up").
    """
    with transaction.atomic():
        vouchers = _locked(wishes, now)
        for wish in wishes:
            with _named(wish):
                refuse_unless("book", vouchers[wish], by=by, now=now)
        calendar = _one_calendar(list(vouchers.values()), start, now)
        bookings = []
        # In the order of the vouchers' rows, as they were locked.
        for wish in sorted(wishes, key=lambda wish: vouchers[wish].pk):
            with _named(wish), places_guarded():
                bookings.append(
                    take_slot(vouchers[wish], calendar, start, wish.holder_uid, wish.guest, by, now)
                )
    return bookings


@contextmanager
def _named(wish: Wish | None) -> Iterator[None]:
    """Say of a refusal whose part it is about; places that are missing are missing for the party."""
    try:
        yield
    except Rejected as error:
        raise WishRefused(None if error.code == "slot_taken" else wish, error) from error


def _locked(wishes: Sequence[Wish], now: datetime) -> dict[Wish, Voucher]:
    """Return each wish's voucher as it stays until the transaction ends.

    Rows are locked in the order of their ids, held ones before those of batches, and of
    batches only what nobody else is taking: so no two parties wait for each other in a circle.
    """
    rows = Voucher.objects.select_related("hotel", "offer").order_by("pk")
    held = {
        voucher.pk: voucher
        for voucher in rows.select_for_update(no_key=True, of=("self",)).filter(
            pk__in=[wish.voucher_id for wish in wishes if wish.voucher_id]
        )
    }
    free: dict[str, list[Voucher]] = {}
    for batch_id, number in sorted(Counter(wish.batch_id for wish in wishes if wish.batch_id).items()):
        left = rows.open().shown_as(Status.ISSUED, now).filter(batch=batch_id)
        free[batch_id] = list(left.select_for_update(skip_locked=True, no_key=True, of=("self",))[:number])
    found = {}
    for wish in wishes:
        if wish.batch_id:
            if not free[wish.batch_id]:
                words = _("There are not enough of these vouchers left for all of you.")
                raise WishRefused(None, Conflict("batch_used_up", words))
            found[wish] = free[wish.batch_id].pop(0)
        else:
            found[wish] = held[wish.voucher_id]
    return found


def _one_calendar(vouchers: Sequence[Voucher], start: datetime, now: datetime) -> Calendar:
    """Return the calendar of vouchers of one offer, on which the slot has to be for each of them."""
    offers = {voucher.offer_id for voucher in vouchers}
    if len(offers) != 1 or None in offers:
        raise WishRefused(
            None, Rejected("party_mixed", _("You can only book together what is of one offer."))
        )
    for voucher in vouchers:
        with _named(None):
            refuse_unless_offered(calendar_of(voucher), start, now)
    return calendar_of(vouchers[0])
