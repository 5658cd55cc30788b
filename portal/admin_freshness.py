"""Forms of the admin that notice when somebody else has changed their row since they were opened."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

# The field in which a form sends back what its row was when it was shown: templates/admin/change_form.html.
SHOWN: Final = "_shown"
# What changes by itself, without anybody's having decided it.
_OF_ITSELF: Final = frozenset({"last_login"})


class FreshForms(ModelAdmin):
    """Refuse a form once, with the code "changed_meanwhile", whose row is not what it was when it was shown.

    A form saves all of its fields: what somebody else has changed since would be taken back without a
    word. Whoever saves it again has been told. Forms that do not say what they showed are not asked.
    """

    def get_form(
        self,
        request: HttpRequest,
        obj: Model | None = None,
        change: bool = False,  # noqa: FBT001, FBT002 - Django's signature
        **kwargs: Any,
    ) -> Any:
        """Return the form of a row."""
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        return self.refreshed(form, request, obj)

    def refreshed(self, form: Any, request: HttpRequest, obj: Model | None) -> Any:
        """Return a form's class that looks at its row again when it is sent."""
        shown = request.POST.get(SHOWN, "")
        if obj is None or not shown:
            return form
        of_row = self.digest_of

        def clean(self: Any) -> Any:
            cleaned = form.clean(self)
            if not constant_time_compare(shown, of_row(self)):
                raise ValidationError(
                    _("Somebody else has changed this meanwhile. Save again to have it as it is here."),
                    code="changed_meanwhile",
                )
            return cleaned

        return type(form.__name__, (form,), {"clean": clean})

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Let the page tell what its row is now."""
        form = context["adminform"].form
        if form.instance.pk is not None:
            formsets = [inline.formset for inline in context["inline_admin_formsets"]]
            context["shown"] = self.digest_of(form, formsets)
        return super().render_change_form(request, context, *args, **kwargs)

    def digest_of(self, form: Any, formsets: list[Any] | None = None) -> str:
        """Return a digest of what a form's row is in the database, inline rows included."""
        fields = {
            name: _told(form.get_initial_for_field(field, name))
            for name, field in form.fields.items()
            if name not in _OF_ITSELF
        }
        inline = sorted(self.inline_state(form.instance, formsets).items())
        return salted_hmac("admin form", repr((fields, inline)), algorithm="sha256").hexdigest()

    def inline_state(self, row: Any, formsets: list[Any] | None) -> dict[str, Any]:  # noqa: ARG002 - for others
        """Return a row's inline rows by their kind: those that formsets have read, or from the database."""
        return {}


def _told(value: Any) -> Any:
    if isinstance(value, Model):
        return str(value.pk)
    if isinstance(value, Iterable) and not isinstance(value, str | bytes | dict):
        return sorted(str(_told(item)) for item in value)
    return str(value)
