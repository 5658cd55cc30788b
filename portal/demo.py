"""Believable data to try the portal with, made by the domain's own verbs."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from bookings.calendars import calendar_of, taken_for
from bookings.domain import GuestDetails, book_slot, cancel_booking, withdraw_voucher
from bookings.slots import slots
from portal.actors import Actor, system
from presence.domain import uid_of
from vouchers.domain import issue_vouchers, redeem_voucher
from vouchers.models import Closure, Hotel, Offer, OpeningHours, Voucher
from vouchers.terms import Terms, terms_of

BY: Actor = system("demo")
DAILY = range(7)
_NAMES = (
    "Anna Visser", "João Medeiros", "Emma Clarke", "Lukas Brandt", "Sofia Rossi", "Noah Jansen",
    "Mia Schneider", "Daniel Okafor", "Chloé Martin", "Yuki Tanaka", "Liam O’Brien", "Inês Furtado",
)  # fmt: skip

HOTELS = (
    Hotel(
        uid="hotel-keizershof",
        name="Hotel Keizershof",
        time_zone="Europe/Amsterdam",
        default_currency="EUR",
        default_language="nl",
        address="Keizersgracht 410, 1016 GC Amsterdam",
        email="front.desk@keizershof.example",
        phone="+31 20 555 0123",
    ),
    Hotel(
        uid="quinta-das-hortensias",
        name="Quinta das Hortênsias",
        time_zone="Atlantic/Azores",
        default_currency="EUR",
        default_language="en",
        address="Rua do Porto 12, 9500-119 Ponta Delgada",
        email="recepcao@hortensias.example",
        phone="+351 296 555 012",
    ),
    Hotel(
        uid="the-alder-house",
        name="The Alder House",
        time_zone="America/New_York",
        default_currency="USD",
        default_language="en",
        address="88 Alder Street, New York, NY 10002",
        email="desk@alderhouse.example",
        phone="+1 212 555 0188",
    ),
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """An offer of the demo: its fields, and when it is open."""

    hotel: str
    title: str
    service: str
    text: str
    minutes: int
    opens: time
    closes: time
    step: int = 60
    capacity: int = 1
    weekdays: tuple[int, ...] = tuple(DAILY)
    price: str | None = None
    transferable: bool = False
    notice: int = 60
    cancel_notice: int = 120
    closed: tuple[int, int, str] | None = None
    terms: Mapping[str, str] = field(default_factory=dict)


PLANS = (
    Plan(
        hotel="hotel-keizershof", title="Spa hour", service="hotel.spa",
        text="Sauna, steam bath and a quiet room with a view of the garden. Towels are waiting.",
        minutes=60, opens=time(10), closes=time(20), capacity=4,
        closed=(6, 8, "The spa is being renovated"), terms={"Age": "16 and over"},
    ),
    Plan(
        hotel="hotel-keizershof", title="Dinner for two", service="hotel.dinner",
        text="Four courses from the season, at a table by the canal.",
        minutes=120, step=30, opens=time(18), closes=time(22, 30), capacity=8,
        weekdays=(2, 3, 4, 5, 6), price="89.00", cancel_notice=240,
        terms={"Drinks": "not included"},
    ),
    Plan(
        hotel="hotel-keizershof", title="Late checkout", service="hotel.late_checkout",
        text="Keep your room until four in the afternoon.",
        minutes=240, step=240, opens=time(12), closes=time(16), capacity=6,
    ),
    Plan(
        hotel="hotel-keizershof", title="Canal tour", service="hotel.tour",
        text="An hour and a half through the canals on our own electric boat.",
        minutes=90, opens=time(10), closes=time(17, 30), capacity=5, price="35.00", transferable=True,
    ),
    Plan(
        hotel="quinta-das-hortensias", title="Thermal pool", service="hotel.spa",
        text="Warm iron-rich water under tree ferns.",
        minutes=90, opens=time(9), closes=time(20), capacity=5, transferable=True,
    ),
    Plan(
        hotel="quinta-das-hortensias", title="Whale watching", service="hotel.tour",
        text="Three hours at sea with a biologist on board.",
        minutes=180, step=180, opens=time(9), closes=time(15), capacity=12,
        weekdays=(1, 2, 3, 4, 5, 6), price="65.00", notice=1440, cancel_notice=1440,
        terms={"Weather": "In rough seas we find another day together."},
    ),
    Plan(
        hotel="quinta-das-hortensias", title="Tasting menu", service="hotel.dinner",
        text="Seven small plates of the islands.",
        minutes=150, step=30, opens=time(19), closes=time(23), capacity=6,
        weekdays=(3, 4, 5), price="72.00", cancel_notice=360,
    ),
    Plan(
        hotel="quinta-das-hortensias", title="Massage", service="hotel.massage",
        text="Fifty minutes with volcanic stones.",
        minutes=50, opens=time(10), closes=time(19), capacity=2, price="55.00",
        closed=(10, 10, "Staff training"),
    ),
    Plan(
        hotel="the-alder-house", title="Meeting-room hour", service="hotel.meeting_room",
        text="A quiet room for eight, with a screen and coffee.",
        minutes=60, step=30, opens=time(8), closes=time(18), weekdays=(0, 1, 2, 3, 4), price="40.00",
    ),
    Plan(
        hotel="the-alder-house", title="Rooftop bar evening", service="hotel.dinner",
        text="Two hours at a table above the city, one drink each included.",
        minutes=120, opens=time(18), closes=time(2), capacity=10,
        weekdays=(3, 4, 5), price="25.00", transferable=True,
    ),
    Plan(
        hotel="the-alder-house", title="Gym and sauna", service="hotel.fitness",
        text="Weights, bikes and a Finnish sauna.",
        minutes=45, step=15, opens=time(6), closes=time(22), capacity=6, notice=0,
    ),
    Plan(
        hotel="the-alder-house", title="Breakfast in the library", service="hotel.breakfast",
        text="Pancakes, fruit and the morning papers.",
        minutes=60, step=30, opens=time(7), closes=time(10, 30), capacity=20,
    ),
)  # fmt: skip


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
        _book(voucher, chance, now - timedelta(hours=chance.randint(1, 90)), ahead=chance.randint(4, 21))
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
        guest=GuestDetails(name=chance.choice(_NAMES), language=voucher.hotel.default_language),
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
