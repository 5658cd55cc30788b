"""A mail says itself whose it is: one from the waiting list is about no booking."""

from django.db import migrations
from django.db.models import OuterRef, Subquery


def fill_in(apps, schema_editor):
    mails = apps.get_model("bookings", "Mail").objects.filter(hotel=None)
    bookings = apps.get_model("bookings", "Booking").objects.filter(pk=OuterRef("booking"))
    mails.update(hotel=Subquery(bookings.values("hotel")[:1]))


class Migration(migrations.Migration):
    dependencies = [("bookings", "0007_holds")]

    operations = [migrations.RunPython(fill_in, migrations.RunPython.noop)]
