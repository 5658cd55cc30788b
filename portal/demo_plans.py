"""What the demo makes: its hotels, their offers, and the names of guests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time

from portal.actors import Actor, system
from vouchers.models import Hotel

BY: Actor = system("demo")
DAILY = range(7)
NAMES = (
    "Anna Visser", "João Medeiros", "Emma Clarke", "Lukas Brandt", "Sofia Rossi", "Noah Jansen",
    "Mia Schneider", "Daniel Okafor", "Chloé Martin", "Yuki Tanaka", "Liam O’Brien", "Inês Furtado",
    "Olivia Brooks", "Mateus Cabral", "Femke de Boer", "Arjun Mehta", "Hanna Lindqvist", "Tom Bakker",
    "Grace Kim", "Pedro Aguiar",
)  # fmt: skip

# What guests write for some services, and for all the others.
NOTES: Mapping[str, Sequence[str]] = {
    "hotel.breakfast": ("Nut allergy", "By the window, please", "Arrives with a pram"),
    "hotel.dinner": ("Nut allergy", "By the window, please", "It is our anniversary"),
    "hotel.transfer": ("Two large suitcases", "Needs a child seat", "Arrives with a pram"),
}
OTHER_NOTES: Sequence[str] = ("Arrives with a pram", "Needs step-free access", "For the first time here")

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

    @property
    def is_always_open(self) -> bool:
        """True for what is open around the clock: of that a hotel's day has something at any hour."""
        return self.opens == self.closes


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
        hotel="hotel-keizershof", title="Ride to Schiphol", service="hotel.transfer",
        text="Our car leaves every quarter of an hour, day and night.",
        minutes=30, step=15, opens=time(0), closes=time(0), capacity=4, notice=0,
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
        hotel="quinta-das-hortensias", title="Tub in the garden", service="hotel.spa",
        text="Hot water for four, under the camellias by day and the stars by night.",
        minutes=30, step=15, opens=time(0), closes=time(0), capacity=4, notice=0,
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
    Plan(
        hotel="the-alder-house", title="Games room", service="hotel.games",
        text="Pool, darts and a jukebox. It never closes.",
        minutes=30, step=15, opens=time(0), closes=time(0), capacity=4, notice=0,
    ),
)  # fmt: skip
