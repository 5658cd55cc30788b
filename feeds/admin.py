"""Calendar feeds in the admin: made here and shown once, seen, and switched off."""

from typing import Any, ClassVar

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from feeds.domain import MOST_PER_HOTEL, make_hotel_feed, revoke_hotel_feed
from feeds.models import Feed
from portal.admin import HotelFilter, acting, moment_of
from portal.admin_actions import APPLY, ask_first, run_each
from portal.admin_once import ShownOnceAdmin


class FeedForm(forms.ModelForm[Feed]):
    """What is to be known to make a hotel's feed."""

    class Meta:
        model = Feed
        fields = ("name", "hotel")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.required = True

    def clean_hotel(self) -> Any:
        """Refuse a hotel that has as many feeds as it may have."""
        hotel = self.cleaned_data["hotel"]
        if hotel.feeds.count() >= MOST_PER_HOTEL:
            words = _("A hotel has %(most)d calendar feeds at most.") % {"most": MOST_PER_HOTEL}
            raise forms.ValidationError(words, code="feeds_too_many")
        return hotel


@admin.register(Feed)
class FeedAdmin(ShownOnceAdmin):
    """Feeds of the user's hotels; a guest's own is nobody's to see."""

    form = FeedForm
    list_display = ("name", "hotel", "created", "created_by")
    list_filter = (("hotel", HotelFilter),)
    list_select_related = ("hotel",)
    search_fields = ("name", "id")
    ordering = ("-id",)
    actions = ("revoke",)
    add_fields: ClassVar[Any] = ("name", "hotel")
    shown_fields: ClassVar[Any] = ("name", "hotel", "created", "created_by", "id")
    created = moment_of("created_at", gettext_lazy("created"))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the feeds of hotels, and no guest's."""
        return super().get_queryset(request).filter(hotel__isnull=False)

    def told_once(self, obj: Any, secret: str) -> tuple[str, str, str]:
        """Return the feed's address."""
        words = _(
            "Subscribe to this address in a calendar program. Copy it now: it is not kept, and cannot be "
            "shown again. Whoever has it sees when what is booked, and nothing of any guest."
        )
        address = f"{settings.PUBLIC_URL}{reverse('feeds:feed', args=(secret,))}"
        return _("Calendar feed “%(name)s”") % {"name": obj.name}, address, words

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:  # noqa: ARG002, FBT001
        """Make the feed; its secret is kept for the answer to this request alone."""
        typed = form.cleaned_data
        feed, secret = make_hotel_feed(
            hotel=typed["hotel"], name=typed["name"], by=acting(request), now=timezone.now()
        )
        obj.pk = feed.pk
        request.new_secret = secret  # type: ignore[attr-defined]

    @admin.action(description=gettext_lazy("Switch off…"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
        """Ask, then make the chosen addresses worthless."""
        if APPLY not in request.POST:
            return ask_first(
                self,
                request,
                rows,
                action="revoke",
                title=_("Switch calendar feeds off"),
                button=_("Switch the feeds off"),
                lines=lambda feeds: [_("%(feed)s stops working at once.") % {"feed": feed} for feed in feeds],
                form=forms.Form(),
            )
        by = acting(request)
        return run_each(
            self,
            request,
            rows,
            lambda key: revoke_hotel_feed(feed_id=key, by=by, now=timezone.now()),
            _revoked_words,
        )


def _revoked_words(number: int) -> str:
    words = ngettext("%(number)d feed switched off.", "%(number)d feeds switched off.", number)
    return words % {"number": number}
