"""Filters of the journal's list; their choices are not read from the journal, which is long."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _

from events.queries import types_written
from portal.admin import hotels_seen


class _ChosenFilter(admin.FieldListFilter):
    """One of some values of a field."""

    def __init__(
        self, field: Any, request: HttpRequest, params: Any, model: Any, model_admin: Any, field_path: str
    ) -> None:
        self.lookup_kwarg = f"{field_path}__exact"
        self.choices_offered = self.offered(request)
        super().__init__(field, request, params, model, model_admin, field_path)
        values: Any = self.used_parameters.get(self.lookup_kwarg)
        self.chosen = values[-1] if values else None

    def offered(self, request: HttpRequest) -> list[tuple[str, str]]:
        """Return values and their words."""
        raise NotImplementedError

    def expected_parameters(self) -> list[str | None]:
        """Return what the filter reads of the address."""
        return [self.lookup_kwarg]

    def has_output(self) -> bool:
        """Show the filter where there is a choice."""
        return len(self.choices_offered) > 1

    def choices(self, changelist: Any) -> Iterator[Any]:
        """Yield all, then each value."""
        yield {
            "selected": self.chosen is None,
            "query_string": changelist.get_query_string(remove=[self.lookup_kwarg]),
            "display": _("All"),
        }
        for value, words in self.choices_offered:
            yield {
                "selected": self.chosen == value,
                "query_string": changelist.get_query_string({self.lookup_kwarg: value}),
                "display": words,
            }


class TypeFilter(_ChosenFilter):
    """The types of event that were ever written."""

    def offered(self, request: HttpRequest) -> list[tuple[str, str]]:  # noqa: ARG002
        """Return the types."""
        return [(kind, kind) for kind in types_written()]


class HotelUidFilter(_ChosenFilter):
    """The user's hotels, whose uids events carry."""

    def offered(self, request: HttpRequest) -> list[tuple[str, str]]:
        """Return the hotels."""
        return list(hotels_seen(request).order_by("name").values_list("pk", "name"))
