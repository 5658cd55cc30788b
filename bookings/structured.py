"""What assistants and mail programs read of a booking: schema.org as JSON-LD."""

from typing import Any

from django.conf import settings

from bookings.models import Booking
from vouchers.structured import CONTEXT, hotel_data

# Where a service has a kind of reservation of its own; anything else is an event at the hotel.
_TABLES = ("hotel.dinner", "hotel.breakfast")


def reservation_data(booking: Booking, *, is_changeable: bool) -> dict[str, Any]:
    """Return a booking as a reservation: of a table, or of a time at the hotel."""
    hotel, voucher = booking.hotel, booking.voucher
    address = f"{settings.PUBLIC_URL}/booking/{booking.pk}/"
    start, end = (moment.astimezone(hotel.zone) for moment in (booking.slot_start, booking.slot_end))
    state = "ReservationConfirmed" if booking.is_standing else "ReservationCancelled"
    content: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "EventReservation",
        "reservationId": booking.pk,
        "reservationStatus": f"{CONTEXT}/{state}",
        "url": address,
        "bookingTime": booking.created_at,
        "provider": hotel_data(hotel),
    }
    if booking.guest_name:
        content["underName"] = {"@type": "Person", "name": booking.guest_name}
    if is_changeable:
        content["modifyReservationUrl"] = f"{address}move/"
        content["cancelReservationUrl"] = f"{address}cancel/"
    if voucher.service_type in _TABLES:
        place = {**hotel_data(hotel), "@type": "FoodEstablishment"}
        return {
            **content,
            "@type": "FoodEstablishmentReservation",
            "startTime": start.isoformat(),
            "endTime": end.isoformat(),
            "partySize": 1,
            "reservationFor": place,
        }
    event = {
        "@type": "Event",
        "name": voucher.title,
        "startDate": start.isoformat(),
        "endDate": end.isoformat(),
        "location": hotel_data(hotel),
    }
    return {**content, "reservationFor": event}
