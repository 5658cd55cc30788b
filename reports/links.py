"""Where the admin lists the rows that a number has counted."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AnonymousUser, User
from django.urls import reverse
from django.utils.http import urlencode

from bookings.models import BookingStatus
from reports.queries import Happening, OfferKey, Outcome
from vouchers.models import Hotel

Span = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True)
class Links:
    """The lists that a reader may open, narrowed to the chosen hotel; of all hotels when it is None.

    A list shows its reader's own hotels by itself.
    """

    hotel: Hotel | None
    sees_journal: bool

    def happening(self, happening: Happening, span: Span) -> str:
        """Return the journal of what happened between two instants; "" for who may not read it."""
        if not self.sees_journal:
            return ""
        hotel = {"issuer_uid__exact": self.hotel.pk} if self.hotel else {}
        return _list(
            "events_event", {"type__exact": happening.value, **hotel, **_between("created_at", span)}
        )

    def slots(self, key: OfferKey, span: Span) -> str:
        """Return the standing bookings of an offer whose slots begin between two instants."""
        standing = {"status__exact": BookingStatus.BOOKED.value}
        return _list("bookings_booking", {**_of(key), **standing, **_between("slot_start", span)})

    def made(self, span: Span, key: OfferKey | None = None, outcome: Outcome | None = None) -> str:
        """Return the bookings made between two instants; "" for an outcome that no list filters by."""
        filters = {
            None: {},
            Outcome.CANCELLED: {"status__exact": BookingStatus.CANCELLED.value},
            Outcome.NO_SHOW: {"status__exact": BookingStatus.BOOKED.value, "no_show_at__isnull": "False"},
        }
        if outcome not in filters:
            return ""
        hotel = {"hotel__uid__exact": self.hotel.pk} if self.hotel else {}
        whose = _of(key) if key else hotel
        return _list("bookings_booking", {**whose, **filters[outcome], **_between("created_at", span)})


def links_for(user: User | AnonymousUser, hotel: Hotel | None) -> Links:
    """Return the lists that a user may open."""
    return Links(
        hotel, sees_journal=bool(getattr(user, "has_perm", lambda _name: False)("events.view_event"))
    )


def _of(key: OfferKey) -> dict[str, str]:
    offer = {"offer__id__exact": key.offer_id} if key.offer_id else {"offer__isnull": "True"}
    return {"hotel__uid__exact": key.hotel_uid, **offer}


def _between(field: str, span: Span) -> dict[str, str]:
    return {f"{field}__gte": span[0].isoformat(), f"{field}__lt": span[1].isoformat()}


def _list(name: str, filters: dict[str, str]) -> str:
    return f"{reverse(f'admin:{name}_changelist')}?{urlencode(filters)}"
