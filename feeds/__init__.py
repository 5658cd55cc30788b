"""Calendars to subscribe to: a guest's bookings and a hotel's, under secret addresses."""
