"""What the admin of every app shares: its name, whose rows a member of staff sees, how times read."""

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar
from zoneinfo import ZoneInfo

from django.contrib import admin
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import BadRequest, ValidationError
from django.db.models import ForeignKey, Model, QuerySet
from django.db.models.fields.related import RelatedField
from django.forms import ModelChoiceField
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _

from portal import formats
from portal.actors import Actor, staff
from portal.admin_lists import BoundedChangeList, BoundedPaginator
from portal.admin_search import SearchedAdmin

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

admin.site.site_header = _("Hotel voucher portal")
admin.site.site_title = _("Hotel voucher portal")
admin.site.index_title = _("What is here")


def acting(request: HttpRequest) -> Actor:
    """Return the member of staff who is signed in, as the journal names them."""
    return staff(request.user.get_username())


def hotels_of(request: HttpRequest) -> Any:
    """Return the hotels whose rows a signed-in member of staff may see; not for superusers."""
    user: Any = request.user
    return user.hotels.all()


def uids_of(request: HttpRequest) -> list[str]:
    """Return the uids of these hotels, asked for once in a request.

    A database that is told which hotels they are knows whether they have few rows or most, and
    finds them by the index that serves; of a subquery it knows neither.
    """
    kept: dict[str, Any] = request.__dict__
    if "uids_of_hotels" not in kept:
        kept["uids_of_hotels"] = list(hotels_of(request).values_list("pk", flat=True))
    uids: list[str] = kept["uids_of_hotels"]
    return uids


def hotels_seen(request: HttpRequest) -> Any:
    """Return the hotels whose rows the signed-in user may see: all of them for superusers."""
    own = hotels_of(request)
    return own.model._default_manager.all() if is_superuser(request) else own


def is_superuser(request: HttpRequest) -> bool:
    """Tell whether the signed-in user sees the rows of every hotel."""
    return bool(getattr(request.user, "is_superuser", False))


def moment_words(instant: datetime, zone: ZoneInfo) -> str:
    """Return an instant by a clock whose zone is named: "Sat 6 Dec 2026, 10:00 (Europe/Amsterdam)"."""
    day = formats.day_words(instant.astimezone(zone).date(), with_year=True)
    return f"{day}, {formats.time_words(instant, zone)} ({zone.key})"


def moment_of(field: str, title: Any) -> Callable[[Any, Any], str]:
    """Return a column that shows a time of a row by its hotel's clock; the row has its hotel loaded."""

    @admin.display(description=title, ordering=field)
    def show(_admin: object, row: Any) -> str:
        instant = getattr(row, field)
        return moment_words(instant, row.hotel.zone) if instant else "–"

    return show


class CheckedActions(ModelAdmin):
    """Actions on rows whose keys can be keys at all."""

    def response_action(
        self, request: HttpRequest, queryset: QuerySet[Any], *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """Run the action; answers 400 to a key that no row of this kind can have."""
        try:
            for key in request.POST.getlist(ACTION_CHECKBOX_NAME):
                self.opts.pk.to_python(key)
        except ValidationError:
            raise BadRequest("A chosen row's key is none.") from None
        found: HttpResponse | None = super().response_action(request, queryset, *args, **kwargs)
        return found


class ScopedAdmin(CheckedActions, SearchedAdmin):
    """Staff see, choose and act upon the rows of their own hotels; superusers all.

    `hotel_lookup` says how a row's hotel is found from the row; empty for rows of no hotel,
    which only superusers see. A row of another hotel does not exist here: not in lists,
    forms, filters, searches or actions.
    """

    hotel_lookup: ClassVar[str] = "hotel"
    # What lists of more than 10,000 rows can be sorted by: what an index has, for one hotel and for all.
    indexed_ordering: ClassVar[tuple[str, ...]] = ("id", "pk")
    paginator = BoundedPaginator
    list_per_page = 50
    show_full_result_count = False
    # Counting every choice of every filter reads the whole table once for each of them.
    show_facets = admin.ShowFacets.NEVER

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """Return the rows of the signed-in user's hotels."""
        rows: QuerySet[Any] = super().get_queryset(request)
        if is_superuser(request):
            return rows
        if not self.hotel_lookup:
            return rows.none()
        return rows.filter(**{f"{self.hotel_lookup}__in": uids_of(request)})

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[BoundedChangeList]:  # noqa: ARG002
        """Return the list that keeps within bounds."""
        return BoundedChangeList

    def get_field_queryset(
        self, db: str | None, db_field: RelatedField[Any, Any], request: HttpRequest
    ) -> QuerySet[Any] | None:
        """Let forms choose only among the rows that their own lists would show."""
        remote: Any = db_field.remote_field.model
        if self.admin_site.is_registered(remote):
            remote_admin = self.admin_site.get_model_admin(remote)
            if isinstance(remote_admin, ScopedAdmin):
                return remote_admin.get_queryset(request)
        return super().get_field_queryset(db, db_field, request)

    def formfield_for_foreignkey(
        self, db_field: ForeignKey[Any, Any], request: HttpRequest, **kwargs: Any
    ) -> ModelChoiceField[Any] | None:
        """Fill in the hotel for staff who have only one."""
        field = super().formfield_for_foreignkey(db_field, request, **kwargs)
        if field is not None and db_field.name == "hotel" and not is_superuser(request):
            own = list(hotels_of(request)[:2])
            if len(own) == 1:
                field.initial = own[0].pk
        return field

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Leave out deleting in bulk: what is deleted here is deleted one by one, and told."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions


class ReadOnlyAdmin(ScopedAdmin):
    """Rows that only the domain's verbs change: to be seen, never added, edited or deleted here."""

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Refuse."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Refuse; seeing needs the permission to view or to change."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Refuse."""
        return False


class HotelFilter(admin.RelatedFieldListFilter):
    """Filter by hotel, among the user's own."""

    def field_choices(
        self, field: RelatedField[Any, Any], request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, Any]]:
        """Return the hotels that the user may see."""
        ordering = self.field_admin_ordering(field, request, model_admin)
        limit = {} if is_superuser(request) else {"pk__in": uids_of(request)}
        choices: Any = field.get_choices(include_blank=False, ordering=ordering, limit_choices_to=limit)
        return list(choices)
