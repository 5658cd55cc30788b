"""Plain functions for tests of the admin: staff who sign in, what they post, what they are told."""

import re
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Permission, User
from django.contrib.messages import constants
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from vouchers.models import Hotel

APPS = ("vouchers", "bookings", "events", "presence", "bulk", "waiting")
_INLINE = re.compile(
    r"<script(?![^>]*\bsrc=)(?![^>]*application/json)[^>]*>|<style\b|\sstyle=|\son[a-z]+=\"", re.IGNORECASE
)


def make_staff(*hotels: Hotel, username: str = "clerk", permissions: Iterable[str] | None = None) -> User:
    """Make a member of the hotels' staff; without `permissions` they may do all that staff may."""
    user = User.objects.create_user(username, is_staff=True)
    allowed = Permission.objects.filter(content_type__app_label__in=APPS)
    if permissions is not None:
        allowed = allowed.filter(codename__in=permissions)
    user.user_permissions.set(allowed)
    for hotel in hotels:
        hotel.staff.add(user)
    return user


def sign_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def sign_in_root() -> Client:
    return sign_in(User.objects.create_superuser("root"))


def page_of(row: Model | type[Model], page: str = "") -> str:
    """Return the admin's address of a row's page, or of its model's list or add page."""
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}"
    if isinstance(row, Model):
        return reverse(f"{name}_{page or 'change'}", args=(row.pk,))
    return reverse(f"{name}_{page or 'changelist'}")


def act(client: Client, action: str, *rows: Model, query: str = "", **data: Any) -> Any:
    """Choose rows in their list, press "Go", and follow where that leads."""
    chosen = {"action": action, "_selected_action": [row.pk for row in rows], **data}
    return client.post(page_of(type(rows[0])) + query, chosen, follow=True)


def told(response: Any) -> dict[str, list[str]]:
    """Return the messages of a page: what worked, and what was refused."""
    found: dict[str, list[str]] = {"worked": [], "refused": []}
    for message in response.context["messages"]:
        found["worked" if message.level == constants.SUCCESS else "refused"].append(message.message)
    return found


def assert_strict(response: Any) -> None:
    """Expect a page that a policy without inline script and style lets work."""
    assert response.status_code == 200
    assert _INLINE.findall(response.content.decode()) == []
