"""How the admin's lists are searched: by what an index finds, never by looking through a table."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from portal.ids import is_id

# More words than a title has narrow nothing down.
_MOST_WORDS = 8


if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin


class SearchedAdmin(ModelAdmin):
    """What is typed leads to an id, to a whole value, or to words that a text holds.

    Lists that say nothing of it are short, and searched as Django does.
    """

    # What begins so is an id or the beginning of one, in this field.
    search_ids: ClassVar[Mapping[str, str]] = {}
    # Fields that hold exactly what is typed.
    search_values: ClassVar[tuple[str, ...]] = ()
    # Fields that hold each of the typed words; on PostgreSQL each has an index of trigrams.
    search_words: ClassVar[tuple[str, ...]] = ()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Keep the rows that what is typed leads to; they are all different."""
        text = search_term.strip()
        if not text or not self._is_searched_here():
            return super().get_search_results(request, queryset, search_term)
        for prefix, field in self.search_ids.items():
            if text.startswith(prefix) and is_id(text):
                return queryset.filter(**{f"{field}__startswith": text}), False
        found = Q(pk__in=())
        for field in self.search_values:
            found |= Q(**{field: text})
        return queryset.filter(found | self.words_condition(queryset, text.split()[:_MOST_WORDS])), False

    def _is_searched_here(self) -> bool:
        own = type(self).words_condition is not SearchedAdmin.words_condition
        return own or bool(self.search_ids or self.search_values or self.search_words)

    def words_condition(self, _queryset: QuerySet[Any], words: list[str]) -> Q:
        """Return the condition of rows with a text that holds every word."""
        condition = Q(pk__in=())
        for field in self.search_words:
            condition |= all_of(field, words)
        return condition


def all_of(field: str, words: list[str]) -> Q:
    """Return the condition of a field that holds every word, in whatever case and order."""
    condition = Q()
    for word in words:
        condition &= Q(**{f"{field}__icontains": word})
    return condition
