"""Lists of the admin that stay quick with a million rows: counted, paged and sorted within bounds."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.core.paginator import Paginator
from django.http import HttpRequest

# What is counted, paged to and sorted by any column; of longer lists only the first so many are.
MOST_LISTED = 10_000

if TYPE_CHECKING:
    BasePaginator = Paginator[Any]
else:
    BasePaginator = Paginator


class BoundedPaginator(BasePaginator):
    """Pages over the first 10,000 rows; `is_cut` tells whether there are more."""

    @cached_property
    def _counted(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[: MOST_LISTED + 1].count())

    @cached_property
    def count(self) -> int:
        """How many rows can be paged to."""
        return min(self._counted, MOST_LISTED)

    @cached_property
    def is_cut(self) -> bool:
        """True when the list goes on beyond what is counted."""
        return self._counted > MOST_LISTED


class BoundedChangeList(ChangeList):
    """A list that shows the last page instead of one beyond it, and sorts what is long by indexes alone."""

    # True when there are more rows than are counted, and when an order was asked for that none has.
    is_cut = False
    is_order_refused = False

    def get_results(self, request: HttpRequest) -> None:
        """Read the page, as Django's own does, within the bounds."""
        admin: Any = self.model_admin
        paginator = admin.get_paginator(request, self.queryset, self.list_per_page)
        self.is_cut = paginator.is_cut
        if self.is_cut:
            self._keep_to_indexes(request)
            # The same rows in another order: the number stays.
            counted = paginator
            paginator = admin.get_paginator(request, self.queryset, self.list_per_page)
            paginator.__dict__["_counted"] = counted._counted
        self.page_num = min(max(self.page_num, 1), paginator.num_pages)
        self.paginator = paginator
        self.result_count = paginator.count
        self.full_result_count = None
        self.show_full_result_count = False
        self.show_admin_actions = True
        self.can_show_all = self.result_count <= self.list_max_show_all
        self.multi_page = self.result_count > self.list_per_page
        shows_all = (self.show_all and self.can_show_all) or not self.multi_page
        self.result_list = (
            self.queryset._clone() if shows_all else self._rows_of(paginator.page(self.page_num))
        )

    def get_ordering_field(self, field_name: Any) -> Any:
        """Return what a column is sorted by; nothing where the list offers no order, whatever is asked."""
        offered = self.sortable_by or ()
        return super().get_ordering_field(field_name) if field_name in offered else None

    def _rows_of(self, page: Any) -> Any:
        """Return the rows of a page, found by their keys: what goes before it is not read whole."""
        keys = list(page.object_list.values_list("pk", flat=True))
        rows = self.apply_select_related(self.root_queryset).filter(pk__in=keys)
        return rows.order_by(*self.queryset.query.order_by)

    def _keep_to_indexes(self, request: HttpRequest) -> None:
        """Offer and use only orders that an index has: any other would sort the whole table."""
        admin: Any = self.model_admin
        indexed = tuple(admin.indexed_ordering)
        wanted = [name.lstrip("-") if isinstance(name, str) else None for name in self._wanted(request)]
        columns: list[Any] = [name for name in self.list_display if self._ordering_name(name) in indexed]
        self.sortable_by = columns
        if ORDER_VAR not in self.params:
            return
        if not set(wanted[:1]) <= set(indexed) or not set(wanted[1:]) <= {"pk", "id", *indexed}:
            self.is_order_refused = True
            del self.params[ORDER_VAR], self.filter_params[ORDER_VAR]
            self.queryset = self.queryset.order_by(*self.get_ordering(request, self.queryset.order_by()))

    def _wanted(self, request: HttpRequest) -> list[Any]:
        return list(self.get_ordering(request, self.queryset.order_by()))

    def _ordering_name(self, column: Any) -> str | None:
        name = None if column == "action_checkbox" else self.get_ordering_field(column)
        return name.lstrip("-") if isinstance(name, str) else None

    def _get_deterministic_ordering(self, ordering: Sequence[Any]) -> list[Any]:
        """Let rows of one value follow their order's direction, as an index has them."""
        found: list[Any] = super()._get_deterministic_ordering(ordering)  # type: ignore[misc]
        last = found[-2] if len(found) > 1 and found[-1] == "-pk" else None
        if isinstance(last, str) and not last.startswith("-"):
            found[-1] = "pk"
        return found
