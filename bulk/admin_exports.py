"""Lists of the admin as files: the rows that their user sees, under the filters that are set."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, tzinfo
from functools import partial
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.tables import COLUMNS as BOOKING_COLUMNS
from bookings.tables import value_of
from portal.admin import ScopedAdmin
from portal.tables import CSV, XLSX, csv_parts, xlsx_file

# A workbook is whole before its first byte can go out; CSV goes out as it is written.
MOST_IN_WORKBOOK = 100_000
_CHUNK = 2000


class Exporting(ScopedAdmin):
    """A list that those may take out as a file who have the permission to.

    `export_columns` says what a row has in each column, by the published names of the fields.
    """

    change_list_template = "admin/bulk/change_list.html"
    export_name: ClassVar[str] = "rows"
    export_columns: ClassVar[Mapping[str, Callable[[Any], object]]] = {}

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Tell whether the user may take rows out as files."""
        return request.user.has_perm("bulk.export_rows") and self.has_view_permission(request)

    def export_zone(self, request: HttpRequest) -> tzinfo:  # noqa: ARG002 - other lists ask it
        """Return the clock by which the list's filters tell days apart."""
        return UTC

    def get_urls(self) -> list[URLPattern]:
        """Add the list as a file."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"
        view = self.admin_site.admin_view(self.export_list)
        return [path("export/<str:form>/", view, name=name), *super().get_urls()]

    def export_list(self, request: HttpRequest, form: str) -> HttpResponseBase:
        """Send the whole list, all of its pages, under the filters and the search of the address."""
        if not self.has_export_permission(request):
            raise PermissionDenied
        opts = self.opts
        back = redirect(f"admin:{opts.app_label}_{opts.model_name}_changelist")
        if form not in ("csv", "xlsx"):
            return back
        with timezone.override(self.export_zone(request)):
            try:
                rows = self.get_changelist_instance(request).get_queryset(request)
            except IncorrectLookupParameters:
                return back
        return self._send(request, rows, form) or back

    @admin.action(description=gettext_lazy("Export as CSV"), permissions=["export"])
    def export_csv(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponseBase | None:
        """Send the chosen rows as CSV."""
        return self._send(request, rows, "csv")

    @admin.action(description=gettext_lazy("Export as XLSX"), permissions=["export"])
    def export_xlsx(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponseBase | None:
        """Send the chosen rows as a workbook."""
        return self._send(request, rows, "xlsx")

    def _send(self, request: HttpRequest, rows: QuerySet[Any], form: str) -> HttpResponseBase | None:
        """Send rows; None, with a message, when they are too many for a workbook."""
        columns = list(self.export_columns)
        values = _values(rows.select_related(None), list(self.export_columns.values()))
        name = f"{self.export_name}.{form}"
        if form == "csv":
            return _named(StreamingHttpResponse(csv_parts(columns, values), content_type=CSV), name)
        if rows.order_by()[MOST_IN_WORKBOOK:].exists():
            words = _("A workbook holds %(most)d rows at most. Narrow the list, or take CSV.")
            self.message_user(request, words % {"most": MOST_IN_WORKBOOK}, messages.ERROR)
            return None
        file = xlsx_file(self.export_name, columns, values)
        return _named(FileResponse(file, content_type=XLSX), name)

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Offer the list as a file to whoever may have it."""
        opts = self.opts
        more = {
            "export_url": f"admin:{opts.app_label}_{opts.model_name}_export",
            "has_export_permission": self.has_export_permission(request),
        }
        return super().changelist_view(request, {**more, **(extra_context or {})})


def _values(rows: QuerySet[Any], getters: Sequence[Callable[[Any], object]]) -> Iterator[list[object]]:
    """Yield the cells of each row; a few thousand rows in memory at a time."""
    for row in rows.iterator(chunk_size=_CHUNK):
        yield [get(row) for get in getters]


def _named(response: HttpResponseBase, name: str) -> HttpResponseBase:
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _field(name: str) -> Callable[[Any], object]:
    return lambda row: getattr(row, name)


class VoucherExporting(Exporting):
    """Vouchers as files, by the fields that systems know; the status is the one that everyone sees."""

    export_name = "vouchers"
    export_columns: ClassVar[Mapping[str, Callable[[Any], object]]] = {
        "id": _field("pk"),
        "issuer_uid": _field("hotel_id"),
        **{
            name: _field(name)
            for name in (
                "holder_uid", "service_type", "title", "description", "duration_minutes", "valid_from",
                "valid_until", "price_amount", "price_currency",
            )
        },
        "status": _field("shown_status"),
        "transferable": _field("transferable"),
        "terms": _field("terms"),
        "created_at": _field("created_at"),
    }  # fmt: skip


class BookingExporting(Exporting):
    """Bookings as files, as `export_bookings` writes them."""

    export_name = "bookings"
    change_list_template = "admin/bookings/booking/change_list.html"
    export_columns: ClassVar[Mapping[str, Callable[[Any], object]]] = {
        column: partial(lambda row, column: value_of(row, column), column=column)
        for column in BOOKING_COLUMNS
    }

    def export_zone(self, request: HttpRequest) -> tzinfo:
        """Return the clock that the list goes by."""
        zone: tzinfo = getattr(self, "zone_of_days")(request)  # noqa: B009 - of the admin that this is added to
        return zone


class EventExporting(Exporting):
    """The journal as files."""

    export_name = "events"
    export_columns: ClassVar[Mapping[str, Callable[[Any], object]]] = {
        name: _field(name)
        for name in (
            "id", "type", "actor_id", "subject_type", "subject_id", "issuer_uid", "meta", "created_at",
        )
    }  # fmt: skip
