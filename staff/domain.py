"""The verbs that change who works for a hotel, journalled for each of the hotels."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from events.domain import Change, record
from portal.actors import Actor
from portal.errors import Rejected
from staff.roles import ROLES
from vouchers.models import Hotel


@transaction.atomic
def save_person(
    person: User,
    *,
    roles: Iterable[Group],
    hotels: Collection[Hotel],
    own_hotels: QuerySet[Hotel],
    by: Actor,
    now: datetime,
) -> User:
    """Save a member of staff with roles and hotels; groups that are no roles stay as they are.

    Only what concerns `own_hotels`, those of whoever asks, is changed.

    Raises Rejected("hotels_missing"), Rejected("hotel_foreign"), Rejected("role_unknown").
    """
    roles = list(roles)
    if not hotels:
        raise Rejected("hotels_missing", _("Choose at least one hotel."))
    if not set(hotels) <= set(own_hotels):
        raise Rejected("hotel_foreign", _("You can only give hotels that are yours."))
    if not roles or any(role.name not in ROLES for role in roles):
        raise Rejected("role_unknown", _("Choose at least one of the three roles."))
    before = _facts(User.objects.filter(pk=person.pk).first())
    concerned = {hotel.pk for hotel in hotels} | set(before.get("hotels", ()))
    person.is_staff = True
    person.save()
    person.groups.set([*person.groups.exclude(name__in=ROLES), *roles])
    for hotel in own_hotels:
        if hotel in hotels:
            hotel.staff.add(person)
        else:
            hotel.staff.remove(person)
    after = _facts(person)
    if before != after:
        verb = "change" if before else "add"
        changes = [
            Change(f"staff.{verb}", "staff", str(person.pk), uid, before, after) for uid in sorted(concerned)
        ]
        record(changes, by=by, now=now)
    return person


def _facts(person: User | None) -> dict[str, Any]:
    """Return what the journal keeps of a member of staff: the name they sign in with, no other."""
    if person is None:
        return {}
    return {
        "username": person.username,
        "is_active": person.is_active,
        "roles": sorted(person.groups.filter(name__in=ROLES).values_list("name", flat=True)),
        "hotels": sorted(Hotel.objects.filter(staff=person).values_list("pk", flat=True)),
    }
