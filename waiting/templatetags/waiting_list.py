"""The waiting list on other apps' pages."""

from typing import Any

from django import template
from django.template.context import Context
from django.utils import timezone

from presence.browser import guest_uid_of
from waiting.queries import current_of

register = template.Library()


@register.inclusion_tag("waiting/_my_waiting.html", takes_context=True)
def my_waiting(context: Context) -> dict[str, Any]:
    """Return where the guest of the request is in line."""
    uid = guest_uid_of(context["request"])
    return {"views": current_of(uid, timezone.now()) if uid else []}
