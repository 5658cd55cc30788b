"""How the admin's actions run: ask first, one verb for each chosen row, then say what became of it."""

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portal.errors import Rejected
from portal.metrics import note_refusal

MOST_AT_ONCE = 500
# Marks the second press: the question has been answered.
APPLY = "apply"
# Marks a press on a row's own page: the answer goes back there.
FROM_PAGE = "from_page"
_NAMED = 5


class ReasonForm(forms.Form):
    """Why staff do something that cannot be taken back."""

    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=200,
        help_text=gettext_lazy("Kept in the journal. A guest whose booking is cancelled can read it."),
        widget=forms.TextInput(attrs={"class": "vTextField", "autocomplete": "off"}),
    )


def run_each(
    model_admin: ModelAdmin[Any],
    request: HttpRequest,
    rows: QuerySet[Any],
    verb: Callable[[str], object],
    done: Callable[[int], str],
) -> HttpResponse | None:
    """Use a verb on each chosen row, each in its own transaction, and tell what worked and what did not.

    A row that refuses stops none of the others. Rows that the user may not see, or that no
    longer match the list's filter, are counted as not found.
    """
    keys = _chosen(model_admin, request, rows)
    if keys is None:
        return None
    refused: dict[str, list[str]] = {}
    for key in keys:
        try:
            verb(key)
        except Rejected as error:
            note_refusal(error.code)
            refused.setdefault(error.message, []).append(key)
    worked = len(keys) - sum(map(len, refused.values()))
    if worked:
        model_admin.message_user(request, done(worked), messages.SUCCESS)
    for sentence, names in refused.items():
        model_admin.message_user(request, f"{sentence} ({_listed(names)})", messages.ERROR)
    missing = _asked_for(request) - set(keys)
    if missing:
        words = ngettext(
            "%(number)d of the chosen rows is not in this list.",
            "%(number)d of the chosen rows are not in this list.",
            len(missing),
        )
        model_admin.message_user(request, words % {"number": len(missing)}, messages.ERROR)
    if FROM_PAGE in request.POST and len(keys) == 1:
        return redirect(_admin_url(model_admin, "change", keys[0]))
    return None


def ask_first(
    model_admin: ModelAdmin[Any],
    request: HttpRequest,
    rows: QuerySet[Any],
    *,
    action: str,
    title: str,
    button: str,
    lines: Callable[[list[Any]], Iterable[str]],
    form: forms.Form,
) -> HttpResponse | None:
    """Show what an action is going to change and ask for what it needs; None when that is too much."""
    keys = _chosen(model_admin, request, rows)
    if keys is None:
        return None
    hidden = [("action", action), (APPLY, "1"), *((ACTION_CHECKBOX_NAME, key) for key in keys)]
    if FROM_PAGE in request.POST:
        hidden.append((FROM_PAGE, "1"))
    return ask_page(
        model_admin,
        request,
        title=title,
        button=button,
        form=form,
        lines=list(lines(list(rows))),
        hidden=hidden,
        back=_admin_url(model_admin, "changelist"),
    )


def ask_page(
    model_admin: ModelAdmin[Any],
    request: HttpRequest,
    *,
    title: str,
    button: str,
    back: str,
    form: forms.Form | None = None,
    lines: Iterable[str] = (),
    hidden: Iterable[tuple[str, str]] = (),
    **extra: Any,
) -> HttpResponse:
    """Return a page of the admin that asks one thing; with 422 when what was typed is refused."""
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": model_admin.opts,
        "title": title,
        "button": button,
        "form": form,
        "lines": lines,
        "hidden": hidden,
        "back": back,
        "media": model_admin.media + form.media if form is not None else model_admin.media,
        **extra,
    }
    status = 422 if form is not None and form.errors else 200
    return TemplateResponse(request, "admin/ask.html", context, status=status)


def _chosen(model_admin: ModelAdmin[Any], request: HttpRequest, rows: QuerySet[Any]) -> list[str] | None:
    """Return the keys of the chosen rows; None, with a message, when they are too many for one request."""
    keys = [str(key) for key in rows.values_list("pk", flat=True)[: MOST_AT_ONCE + 1]]
    if len(keys) <= MOST_AT_ONCE:
        return keys
    words = _("Choose at most %(most)d rows at once.") % {"most": MOST_AT_ONCE}
    model_admin.message_user(request, words, messages.ERROR)
    return None


def _asked_for(request: HttpRequest) -> set[str]:
    if request.POST.get("select_across") == "1":
        return set()
    return set(request.POST.getlist(ACTION_CHECKBOX_NAME))


def _listed(names: list[str]) -> str:
    if len(names) <= _NAMED:
        return ", ".join(names)
    return _("%(names)s and %(number)d more") % {
        "names": ", ".join(names[:_NAMED]),
        "number": len(names) - _NAMED,
    }


def _admin_url(model_admin: ModelAdmin[Any], page: str, *args: str) -> str:
    opts = model_admin.opts
    name = f"{model_admin.admin_site.name}:{opts.app_label}_{opts.model_name}_{page}"
    return reverse(name, args=args)
