"""Reminders for the bookings that there are already; those within a day have none."""

from datetime import timedelta

from django.db import migrations
from django.db.models import F
from django.utils import timezone

LEAD = timedelta(hours=24)


def remind(apps, schema_editor):
    bookings = apps.get_model("bookings", "Booking").objects.using(schema_editor.connection.alias)
    coming = bookings.filter(status="booked", slot_start__gt=timezone.now() + LEAD).exclude(guest_email="")
    coming.update(remind_at=F("slot_start") - LEAD)


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0005_what_is_owed"),
    ]

    operations = [
        migrations.RunPython(remind, migrations.RunPython.noop, elidable=True),
    ]
