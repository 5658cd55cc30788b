"""Believable data to try the portal with, made by the domain's own verbs."""

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

from bookings.calendars import calendar_of, taken_for
from bookings.domain import GuestDetails, book_slot, cancel_booking, withdraw_voucher
from bookings.slots import slots
from portal.demo_plans import BY, HOTELS, NAMES, PLANS, Plan
from portal.demo_today import make_day
from presence.domain import uid_of
from vouchers.domain import issue_vouchers, redeem_voucher
from vouchers.models import Closure, Hotel, Offer, OpeningHours, Voucher
from vouchers.terms import Terms, terms_of


def is_there() -> bool:
    """Tell whether the demo has been made here before."""
    return Hotel.objects.filter(pk=HOTELS[0].pk).exists()


def demo_guest_uid() -> str:
    """Return the uid of the guest that the demo gives vouchers and bookings to."""
    return uid_of("demo guest")


def make_demo(now: datetime) -> Iterator[str]:
    """Make hotels, offers, vouchers in every state and bookings; yields what is being made.

    The caller opens the transaction: everything is made or nothing.
    """
    chance = random.Random(20)  # noqa: S311 - data that looks alive, not a secret
    for hotel in HOTELS:
        Hotel.objects.bulk_create([hotel])
    for plan in PLANS:
        offer = _make_offer(plan, now)
        yield offer.title
        if plan.is_always_open:
            make_day(offer, now)
        else:
            _make_vouchers(offer, chance, now)
    _make_own_vouchers(now)


def _make_offer(plan: Plan, now: datetime) -> Offer:
    hotel = Hotel.objects.get(pk=plan.hotel)
    offer = Offer(
        id=f"o-demo-{plan.title.lower().replace(' ', '-')}",
        hotel=hotel,
        title=plan.title,
        service_type=plan.service,
        description=plan.text,
        duration_minutes=plan.minutes,
        step_minutes=plan.step,
        capacity=plan.capacity,
        min_notice_minutes=plan.notice,
        cancel_notice_minutes=plan.cancel_notice,
        price_amount=Decimal(plan.price) if plan.price else None,
        price_currency=hotel.default_currency,
        transferable=plan.transferable,
        terms=dict(plan.terms),
    )
    offer.save(force_insert=True)
    for weekday in plan.weekdays:
        OpeningHours.objects.create(offer=offer, weekday=weekday, opens=plan.opens, closes=plan.closes)
    if plan.closed is not None:
        first, last, reason = plan.closed
        today = now.astimezone(hotel.zone).date()
        Closure.objects.create(
            offer=offer,
            first_day=today + timedelta(days=first),
            last_day=today + timedelta(days=last),
            reason=reason,
        )
    return offer


def _make_vouchers(offer: Offer, chance: random.Random, now: datetime) -> None:
    """Issue vouchers of an offer and take them to every state, at believable times."""
    then = now - timedelta(days=45)
    ended = terms_of(offer, now=then, valid_until=_evening(offer, now - timedelta(days=3)))
    issue_vouchers(hotel=offer.hotel, offer=offer, terms=ended, count=4, by=BY, now=then)
    last_day = now + timedelta(days=chance.randint(60, 200))
    lasting = terms_of(offer, now=then, valid_until=_evening(offer, last_day))
    vouchers = issue_vouchers(hotel=offer.hotel, offer=offer, terms=lasting, count=26, by=BY, now=then)
    for voucher in vouchers[:2]:
        withdraw_voucher(voucher_id=voucher.pk, by=BY, now=then + timedelta(days=2))
    for voucher in vouchers[2:4]:
        redeem_voucher(voucher_id=voucher.pk, by=BY, now=now - timedelta(days=5))
    for voucher in vouchers[4:7]:
        booked_at = now - timedelta(days=20)
        if _book(voucher, chance, booked_at, ahead=chance.randint(1, 10)):
            redeem_voucher(voucher_id=voucher.pk, by=BY, now=booked_at + timedelta(days=11))
    for voucher in vouchers[7:17]:
        # Never for the day itself, which is made apart.
        _book(voucher, chance, now - timedelta(hours=chance.randint(1, 90)), ahead=chance.randint(5, 21))
    booking_id = _book(vouchers[17], chance, now - timedelta(days=6), ahead=14)
    if booking_id:
        cancel_booking(booking_id=booking_id, by=BY, now=now - timedelta(days=2), reason="Change of plans")


def _evening(offer: Offer, day: datetime) -> datetime:
    """Return the end of the hotel's day of an instant, as `terms_of` ends a validity."""
    return day.astimezone(offer.hotel.zone).replace(hour=23, minute=59, second=59, microsecond=0)


def _book(
    voucher: Voucher, chance: random.Random, at: datetime, *, ahead: int, holder_uid: str = ""
) -> str | None:
    """Book a free slot about so many days ahead; returns None where there is none that week."""
    calendar = calendar_of(voucher)
    first: date = calendar.day_of(at) + timedelta(days=ahead)
    last = first + timedelta(days=6)
    taken = taken_for(voucher, calendar, first, last, now=at)
    free = [slot for slot in slots(calendar, first, last, now=at, taken=taken) if slot.left]
    if not free:
        return None
    booking = book_slot(
        voucher_id=voucher.pk,
        start=chance.choice(free[: len(free) // 3 + 1]).start,
        holder_uid=holder_uid or uid_of(f"demo {voucher.pk}"),
        by=BY,
        now=at,
        guest=GuestDetails(name=chance.choice(NAMES), language=voucher.hotel.default_language),
    )
    return booking.pk


def _make_own_vouchers(now: datetime) -> None:
    """Give the demo guest a booked voucher and some to book, one of them to hand on."""
    uid = demo_guest_uid()
    chance = random.Random(7)  # noqa: S311 - as above
    for title in ("Canal tour", "Massage", "Gym and sauna"):
        offer = Offer.objects.select_related("hotel").get(title=title, pk__startswith="o-demo-")
        terms = terms_of(offer, now=now)
        voucher = issue_vouchers(hotel=offer.hotel, offer=offer, terms=terms, holder_uid=uid, by=BY, now=now)[
            0
        ]
        if title == "Massage":
            _book(voucher, chance, now, ahead=4, holder_uid=uid)
    plain = Terms(
        title="Airport transfer",
        description="Our driver waits for you with a sign.",
        service_type="hotel.transfer",
        valid_from=now.replace(minute=0, second=0, microsecond=0),
        valid_until=now.replace(minute=0, second=0, microsecond=0) + timedelta(days=10),
    )
    issue_vouchers(hotel=HOTELS[2], terms=plain, by=BY, now=now)
