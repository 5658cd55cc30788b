"""What staff hand in: a file of vouchers, or a list of holders."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django import forms
from django.contrib.admin.widgets import AdminTextareaWidget
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from bulk.domain import MOST_UPLOADED, PART_BYTES
from vouchers.admin_forms import OfferIssueForm
from vouchers.models import Hotel

# Pasted text is bounded by what a form may send; longer lists come as files.
MOST_PASTED = 400_000


class _FileField(forms.FileField):
    """A file of bounded size."""

    def clean(self, data: Any, initial: Any = None) -> Any:
        """Refuse a file that is larger than what a job takes."""
        file = super().clean(data, initial)
        if file and file.size > MOST_UPLOADED:
            raise forms.ValidationError(
                _("The file is larger than %(most)d MB."),
                code="file_too_large",
                params={"most": MOST_UPLOADED // 1024 // 1024},
            )
        return file


class _FormKey(forms.Form):
    form_key = forms.UUIDField(required=True)


def form_key_of(data: Any) -> UUID | None:
    """Return the key that a page gave its form; None for one that is none."""
    form = _FormKey(data)
    return form.cleaned_data["form_key"] if form.is_valid() else None


class ImportForm(forms.Form):
    """A file of vouchers, and whose they are."""

    hotel = forms.ModelChoiceField[Hotel](None, label=_("Hotel"))
    file = _FileField(
        label=_("File"),
        help_text=_("CSV in UTF-8, or XLSX. Nothing is issued before you have seen what is in it."),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.xlsx"}),
    )

    def __init__(self, *args: Any, hotels: QuerySet[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen: Any = self.fields["hotel"]
        chosen.queryset = hotels
        if len(own := list(hotels[:2])) == 1:
            chosen.initial = own[0].pk


class HoldersForm(OfferIssueForm):
    """Who gets a voucher of an offer, one each, and until when these are valid."""

    holders = forms.CharField(
        label=_("Holders"),
        required=False,
        max_length=MOST_PASTED,
        widget=AdminTextareaWidget,
        help_text=_("Uids of guests, such as thinker-0123456789ab: one in a line."),
    )
    file = _FileField(
        label=_("Or a file of them"),
        required=False,
        help_text=_("CSV or XLSX: the first column counts."),
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,.xlsx"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["count"]
        self.order_fields(["holders", "file", "valid_from", "valid_until"])

    def clean(self) -> dict[str, Any]:
        """Ask for a list, and for one alone."""
        data = super().clean()
        given = [name for name in ("holders", "file") if data.get(name)]
        if len(given) != 1 and not {"holders", "file"} & set(self.errors):
            self.add_error("holders", _("Type the uids here, or choose a file."))
        return data

    def content(self) -> Iterator[bytes]:
        """Yield the list in pieces, as it was typed or uploaded."""
        data = self.cleaned_data
        if data.get("file"):
            yield from pieces_of(data["file"])
            return
        # Quoted, for a comma in a line is no further column.
        lines = [line.strip().replace('"', '""') for line in data["holders"].splitlines()]
        text = "\n".join(f'"{line}"' if line else "" for line in lines).encode()
        for begin in range(0, len(text), PART_BYTES):
            yield text[begin : begin + PART_BYTES]


def pieces_of(file: Any) -> Iterator[bytes]:
    """Yield an uploaded file in the pieces that are stored."""
    yield from file.chunks(PART_BYTES)
