"""Calendars, slots, bookings: when a voucher is used."""
