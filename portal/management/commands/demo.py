"""Fill an empty installation with demo data."""

import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone
from tqdm import tqdm

from portal import demo
from portal.demo_plans import PLANS
from presence.domain import make_guest_link_token


class Command(BaseCommand):
    """Make three hotels with offers, vouchers and bookings, and a staff user."""

    help = (
        "Make three demo hotels with offers, vouchers, bookings and a staff user. "
        "A second run changes nothing."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Make the demo, all or nothing; print the staff user's password once."""
        with transaction.atomic():
            if demo.is_there():
                self.stdout.write("The demo data is there already; nothing was changed.")
                return
            steps = tqdm(
                demo.make_demo(timezone.now()),
                total=len(PLANS),
                desc="Demo offers",
                disable=None,
                leave=False,
            )
            for _title in steps:
                pass
            password = self._make_staff()
        self.stdout.write(self.style.SUCCESS("Demo data is ready."))
        if password:
            self.stdout.write(f"  Staff:  {settings.PUBLIC_URL}/admin/  user: staff  password: {password}")
            self.stdout.write("          (shown this once; `manage.py changepassword staff` sets another)")
        token = make_guest_link_token(demo.demo_guest_uid())
        self.stdout.write(f"  Guest:  {settings.PUBLIC_URL}/guest/{token}/")
        self.stdout.write("          (a guest who has vouchers and a booking already)")

    def _make_staff(self) -> str:
        """Make the staff user if there is none yet; returns the new password."""
        users = get_user_model()._default_manager
        if users.filter(username="staff").exists():
            return ""
        password = secrets.token_urlsafe(9)
        users.create_superuser("staff", email="", password=password)
        return password
