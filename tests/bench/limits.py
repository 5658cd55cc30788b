"""The limits of a booking: its statements without what is around them."""

from tests.bench.items import Seeded


def booking_limits(port: int, url: str, seeded: Seeded, seconds: float) -> dict[str, float]:
    return {}
