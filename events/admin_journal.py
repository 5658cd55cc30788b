"""What staff change in forms of the admin is journalled as well, in the same transaction."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, ClassVar

from django.db import connection
from django.db.models import Model, QuerySet
from django.forms import BaseInlineFormSet, ModelForm
from django.forms.models import model_to_dict
from django.http import HttpRequest
from django.utils import timezone

from events.domain import Change, record
from portal.admin import ScopedAdmin, acting
from portal.admin_freshness import FreshForms


def plain(value: object) -> Any:
    """Return a field's value as JSON can hold it; people by their names, other rows by their keys."""
    if isinstance(value, Decimal | date | time):
        return value.isoformat() if isinstance(value, datetime | date | time) else str(value)
    if isinstance(value, Model):
        get_username = getattr(value, "get_username", None)
        return get_username() if get_username else value.pk
    if isinstance(value, list | tuple | QuerySet):
        return sorted((plain(item) for item in value), key=str)
    return value


class JournalledAdmin(FreshForms, ScopedAdmin):
    """Write one event for each form that changed something, inline rows included.

    `journal_noun` names the events: "<noun>.add", "<noun>.change", "<noun>.delete".
    `journal_lists` names the inline rows by their related name, and the fields that say
    what such a row is.
    """

    journal_noun: ClassVar[str] = ""
    journal_lists: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Return the row; locked when it is about to be changed, so that "before" is true."""
        row = super().get_object(request, object_id, from_field)
        if row is None or request.method != "POST" or not connection.in_atomic_block:
            return row
        locked = self.model._default_manager.select_for_update(no_key=True)
        return locked.filter(pk=row.pk).first()

    def save_related(
        self,
        request: HttpRequest,
        form: ModelForm[Any],
        formsets: Iterable[BaseInlineFormSet[Any, Any, Any]],
        change: bool,  # noqa: FBT001 - Django's signature
    ) -> None:
        """Save the inline rows, then write down what the whole form changed."""
        super().save_related(request, form, formsets, change)
        row = self.model._default_manager.get(pk=form.instance.pk)
        after = {**_fields(row, list(form.fields)), **self._lists(row)}
        before: dict[str, Any] = {}
        if change:
            before = {name: plain(form.initial.get(name)) for name in form.fields}
            before |= {str(formset.prefix): self._before(formset) for formset in formsets}
            changed = [name for name in after if before.get(name) != after[name]]
            before = {name: before.get(name) for name in changed}
            after = {name: after[name] for name in changed}
        if after:
            self._record(request, row, "change" if change else "add", before, after)

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        """Delete a row, and write down what it was."""
        names = [field.name for field in obj._meta.fields]
        before = {**_fields(obj, names), **self._lists(obj)}
        key = obj.pk
        issuer = self.issuer_uid_of(obj)
        super().delete_model(request, obj)
        change = Change(f"{self.journal_noun}.delete", self.journal_noun, key, issuer, before, {})
        record([change], by=acting(request), now=timezone.now())

    def inline_state(self, row: Any, formsets: list[Any] | None) -> dict[str, Any]:
        """Return the inline rows that are journalled."""
        if formsets is None:
            return self._lists(row)
        return {str(formset.prefix): self._before(formset) for formset in formsets}

    def issuer_uid_of(self, row: Any) -> str:
        """Return the uid of the row's hotel."""
        return str(row.pk if self.hotel_lookup == "pk" else row.hotel_id)

    def _record(
        self,
        request: HttpRequest,
        row: Model,
        verb: str,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
    ) -> None:
        noun = self.journal_noun
        change = Change(f"{noun}.{verb}", noun, row.pk, self.issuer_uid_of(row), before, after)
        record([change], by=acting(request), now=timezone.now())

    def _lists(self, row: Model) -> dict[str, Any]:
        return {
            name: plain_rows(getattr(row, name).values(*fields))
            for name, fields in self.journal_lists.items()
        }

    def _before(self, formset: BaseInlineFormSet[Any, Any, Any]) -> list[dict[str, Any]]:
        names = self.journal_lists[str(formset.prefix)]
        forms = formset.initial_forms
        return plain_rows({name: form.initial.get(name) for name in names} for form in forms)


def plain_rows(rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return inline rows as JSON can hold them, in an order that does not depend on the database."""
    listed = [{name: plain(value) for name, value in row.items()} for row in rows]
    return sorted(listed, key=lambda row: [str(value) for value in row.values()])


def _fields(row: Model, names: list[str]) -> dict[str, Any]:
    return {name: plain(value) for name, value in model_to_dict(row, fields=names).items()}
