"""Printing in the admin: chosen vouchers, and the vouchers of a batch that nobody holds yet."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portal.admin import ScopedAdmin
from portal.admin_actions import APPLY, MOST_AT_ONCE, ask_first, ask_page
from portal.ids import is_id
from printing.files import long_pdf_response
from printing.forms import PrintForm
from printing.queries import open_vouchers, tickets
from printing.words import Paper
from vouchers.models import Batch, Voucher

MOST_OF_BATCH = 5000


class VoucherPrinting(ScopedAdmin):
    """Vouchers that can be printed by who may hand them out."""

    @admin.action(description=gettext_lazy("Print as PDF"), permissions=["operate"])
    def print_pdf(self, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponseBase | None:
        """Ask for paper and language, then send the chosen vouchers as one PDF."""
        keys = list(rows.values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
        if not keys:
            self.message_user(request, _("None of the chosen vouchers is in this list."), messages.ERROR)
            return None
        form = _form(request, APPLY in request.POST)
        if len(keys) <= MOST_AT_ONCE and form.is_valid():
            chosen = Voucher.objects.filter(pk__in=keys)
            return _send(chosen, form, name="vouchers", author="", most=MOST_AT_ONCE)
        return ask_first(
            self,
            request,
            rows,
            action="print_pdf",
            title=_("Print vouchers"),
            button=_("Print as PDF"),
            lines=lambda vouchers: [_number_words(len(vouchers))],
            form=form,
        )


class BatchPrinting(ScopedAdmin):
    """Batches with a page that prints what nobody holds yet."""

    change_form_template = "admin/record_change_form.html"

    def get_urls(self) -> list[URLPattern]:
        """Add the page that prints."""
        view = self.admin_site.admin_view(self.print_page)
        return [path("<path:object_id>/print/", view, name="vouchers_batch_print"), *super().get_urls()]

    def print_page(self, request: HttpRequest, object_id: str) -> HttpResponseBase:
        """Ask for paper and language, then send the open vouchers of a batch while they are drawn."""
        if not _may_print(request):
            raise PermissionDenied
        batch = self.get_object(request, object_id) if is_id(object_id) else None
        if batch is None:
            self.message_user(request, _("There is no such batch."), messages.ERROR)
            return redirect("admin:vouchers_batch_changelist")
        back = reverse("admin:vouchers_batch_change", args=(batch.pk,))
        vouchers = open_vouchers(batch, timezone.now())
        number = vouchers.count()
        if not number:
            self.message_user(request, _("This batch has no open voucher."), messages.ERROR)
            return redirect(back)
        form = _form(request, request.method == "POST")
        if form.is_valid():
            return _send(vouchers, form, name=batch.pk, author=batch.hotel.name, most=MOST_OF_BATCH)
        return ask_page(
            self,
            request,
            title=_("Print the open vouchers of %(title)s") % {"title": batch.title},
            button=_("Print as PDF"),
            back=back,
            form=form,
            lines=_lines_of_batch(number),
        )

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the way to the page, where it has something to print."""
        batch = context.get("original")
        if batch is not None and _may_print(request) and open_vouchers(batch, timezone.now()).exists():
            address = reverse("admin:vouchers_batch_print", args=(batch.pk,))
            context["page_links"] = [*context.get("page_links", ()), (address, _("Print as PDF"))]
        return super().render_change_form(request, context, *args, **kwargs)


def _may_print(request: HttpRequest) -> bool:
    """Tell whether the user may hand vouchers out: whoever has the paper can use it."""
    return request.user.has_perm("vouchers.change_voucher")


def _form(request: HttpRequest, is_answer: bool) -> PrintForm:  # noqa: FBT001 - one fact, no switch
    language = getattr(request, "LANGUAGE_CODE", "en")
    return PrintForm(request.POST if is_answer else None, initial={"paper": Paper.A4, "language": language})


def _lines_of_batch(number: int) -> list[str]:
    found = [_number_words(number), _("Whoever has the paper can use the voucher.")]
    if number > MOST_OF_BATCH:
        found.append(_("Only the first %(most)d are printed.") % {"most": MOST_OF_BATCH})
    return found


def _number_words(number: int) -> str:
    return ngettext("%(number)d voucher", "%(number)d vouchers", number) % {"number": number}


def _send(
    vouchers: QuerySet[Voucher], form: PrintForm, *, name: str, author: str, most: int
) -> HttpResponseBase:
    """Send vouchers that were chosen among the user's own, on the paper and in the language of a form."""
    from printing.sheets import tickets_pdf  # noqa: PLC0415 - the library of PDFs is loaded by who needs it

    language, now = form.cleaned_data["language"], timezone.now()
    parts = tickets_pdf(
        tickets(vouchers, language=language, now=now, most=most),
        paper=Paper(form.cleaned_data["paper"]),
        title=_("Vouchers"),
        author=author,
        language=language,
    )
    return long_pdf_response(parts, name)


def _add(model: type[Model], printing: type[ScopedAdmin], actions: tuple[str, ...] = ()) -> None:
    """Add printing to the admin that the apps below have registered for a model."""
    known: Any = type(admin.site.get_model_admin(model))
    admin.site.unregister(model)
    more = {"actions": (*known.actions, *actions)}
    admin.site.register(model, type(known.__name__, (printing, known), more))


_add(Voucher, VoucherPrinting, ("print_pdf",))
_add(Batch, BatchPrinting)
