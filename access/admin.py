"""API keys in the admin: made here and shown once, seen, and revoked; never changed."""

from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.contrib.admin.widgets import AdminSplitDateTime
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from access.domain import create_key, revoke_key
from access.models import ApiKey, KeyState
from portal.admin import HotelFilter, acting, moment_words
from portal.admin_actions import APPLY, ask_first, run_each
from portal.admin_once import ShownOnceAdmin
from portal.callers import Scope

_UTC = ZoneInfo("UTC")

_SCOPE_WORDS = {
    Scope.READ_VOUCHERS: gettext_lazy("see vouchers, bookings, slots and the journal"),
    Scope.WRITE_VOUCHERS: gettext_lazy("issue and withdraw vouchers"),
    Scope.WRITE_BOOKINGS: gettext_lazy("book, move and cancel"),
    Scope.DESK: gettext_lazy("redeem at the desk"),
    Scope.PRESENCE: gettext_lazy("say who is here"),
}


class ApiKeyForm(forms.ModelForm[ApiKey]):
    """What is to be known to make a hotel's key; platform keys are made by a command."""

    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("May"),
        choices=[(scope.value, words) for scope, words in _SCOPE_WORDS.items()],
        widget=forms.CheckboxSelectMultiple,
    )
    expires_at = forms.SplitDateTimeField(
        label=gettext_lazy("Expires"),
        required=False,
        widget=AdminSplitDateTime(attrs={"aria-label": gettext_lazy("Expires")}),
        help_text=gettext_lazy("In UTC. Empty means that it is good until it is revoked."),
    )

    class Meta:
        model = ApiKey
        fields = ("name", "hotel", "scopes", "expires_at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "hotel" in self.fields:
            self.fields["hotel"].required = True

    def clean_expires_at(self) -> Any:
        """Refuse a time that has passed."""
        expires_at = self.cleaned_data["expires_at"]
        if expires_at is not None and expires_at <= timezone.now():
            raise forms.ValidationError(_("This time has passed."), code="expiry_past")
        return expires_at


@admin.register(ApiKey)
class ApiKeyAdmin(ShownOnceAdmin):
    """Keys of the user's hotels; superusers see platform keys too."""

    form = ApiKeyForm
    list_display = ("name", "hint", "whose", "scope_words", "state", "used")
    list_filter = (("hotel", HotelFilter),)
    list_select_related = ("hotel",)
    search_fields = ("name", "id", "hint")
    ordering = ("-id",)
    actions = ("revoke",)
    add_fields: ClassVar[Any] = ("name", "hotel", "scopes", "expires_at")
    shown_fields: ClassVar[Any] = (
        "name",
        "whose",
        "hint",
        "scope_words",
        "state",
        "created",
        "expires",
        "used",
        "id",
    )

    def told_once(self, obj: Any, secret: str) -> tuple[str, str, str]:
        """Return the key."""
        title = _("Key of %(name)s") % {"name": obj.name}
        return title, secret, _("Copy the key now: it is not kept, and cannot be shown again.")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: ARG002, FBT001
        """Make the key; its secret is kept for the answer to this request alone."""
        typed = form.cleaned_data
        key, secret = create_key(
            name=typed["name"],
            hotel=typed["hotel"],
            scopes=typed["scopes"],
            by=acting(request),
            now=timezone.now(),
            expires_at=typed["expires_at"],
        )
        obj.pk = key.pk
        request.new_secret = secret  # type: ignore[attr-defined]

    @admin.action(description=gettext_lazy("Revoke…"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        """Ask, then make the chosen keys worthless."""
        if APPLY not in request.POST:
            return ask_first(
                self,
                request,
                rows,
                action="revoke",
                title=_("Revoke keys"),
                button=_("Revoke the keys"),
                lines=lambda keys: [_("%(key)s stops working at once.") % {"key": key} for key in keys],
                form=forms.Form(),
            )
        by = acting(request)
        return run_each(
            self,
            request,
            rows,
            lambda key: revoke_key(key_id=key, by=by, now=timezone.now()),
            _revoked_words,
        )

    @admin.display(description=gettext_lazy("hotel"), ordering="hotel")
    def whose(self, key: ApiKey) -> str:
        """Return the key's hotel."""
        return key.hotel.name if key.hotel else _("all hotels (platform key)")

    @admin.display(description=gettext_lazy("state"))
    def state(self, key: ApiKey) -> str:
        """Return whether the key is good now."""
        return str(KeyState(key.state(timezone.now())).label)

    @admin.display(description=gettext_lazy("last used"), ordering="last_used_at")
    def used(self, key: ApiKey) -> str:
        """Return when the key was used last, to the minute."""
        return _moment(key.last_used_at)

    @admin.display(description=gettext_lazy("created"))
    def created(self, key: ApiKey) -> str:
        """Return when and by whom the key was made."""
        return f"{_moment(key.created_at)}, {key.created_by}"

    @admin.display(description=gettext_lazy("expires"))
    def expires(self, key: ApiKey) -> str:
        """Return when the key expires."""
        return _moment(key.expires_at)


def _moment(at: Any) -> str:
    return moment_words(at, _UTC) if at else "–"


def _revoked_words(number: int) -> str:
    return ngettext("%(number)d key revoked.", "%(number)d keys revoked.", number) % {"number": number}
