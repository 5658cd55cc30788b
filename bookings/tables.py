"""Bookings as the rows of a table."""

from bookings.models import Booking

COLUMNS = (
    "id", "voucher_id", "issuer_uid", "holder_uid", "slot_id", "slot_start", "slot_end", "status",
    "cancel_reason", "created_at", "cancelled_at", "guest_name", "guest_email", "guest_note",
)  # fmt: skip


def value_of(booking: Booking, column: str) -> object:
    """Return what a booking has in a column."""
    return booking.hotel_id if column == "issuer_uid" else getattr(booking, column)
