"""What well-formed requests about parties are."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from bookings.forms import SlotField
from bookings.promises import choices_of
from parties.models import MOST_MEMBERS, NAME_LENGTH
from presence.models import PAIR_CODE_LENGTH
from presence.pair_codes import read_pair_code
from vouchers.models import Batch, Voucher


class _NameField(forms.CharField):
    def __init__(self) -> None:
        super().__init__(
            label=_("Your name, as your party knows it"),
            max_length=NAME_LENGTH,
            help_text=_("The others see it. It is gone when you leave."),
            widget=forms.TextInput(attrs={"autocomplete": "given-name"}),
        )


class StartForm(forms.Form):
    """How a party begins."""

    name = _NameField()
    size = forms.TypedChoiceField(
        label=_("How many are you?"),
        coerce=int,
        choices=[(number, str(number)) for number in range(2, MOST_MEMBERS + 1)],
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # It shares a page with JoinForm: their fields have the same names, and ids of their own.
        super().__init__(*args, **{"auto_id": "start_%s", **kwargs})


class JoinForm(forms.Form):
    """Which party to ask, and under which name."""

    code = forms.CharField(
        label=_("The code of your party"),
        max_length=PAIR_CODE_LENGTH,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}
        ),
    )
    name = _NameField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "join_%s", **kwargs})

    def clean_code(self) -> str:
        """Return the code as it was made, however it was typed."""
        return read_pair_code(self.cleaned_data["code"])


class BringForm(forms.Form):
    """What a member brings, and where the confirmation goes."""

    promise = forms.ChoiceField(label=_("Your voucher"))
    email = forms.EmailField(
        label=_("Your e-mail address"),
        max_length=254,
        help_text=_("Your confirmation goes there, and nothing else."),
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
    )

    def __init__(self, *args: Any, uid: str, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        own, batches = choices_of(uid, now)
        groups: list[tuple[Any, Sequence[Voucher | Batch]]] = [
            (_("Yours"), own),
            (_("Open to anyone"), batches),
        ]
        self.has_choices = bool(own or batches)
        field = self.fields["promise"]
        field.choices = [  # type: ignore[attr-defined]
            (title, [(promise.pk, f"{promise.title} · {promise.hotel.name}") for promise in promises])
            for title, promises in groups
            if promises
        ]


class AnswerForm(forms.Form):
    """Whom to let in, or to turn away."""

    member = forms.IntegerField(min_value=1, max_value=2**63 - 1)
    is_welcome = forms.BooleanField(required=False)


class PressForm(forms.Form):
    """Which slot to book, and for whom the guest saw that it would be."""

    start = SlotField()
    shown = forms.CharField(max_length=300)

    def clean_shown(self) -> list[int]:
        """Return the members' numbers."""
        words = self.cleaned_data["shown"].split(",")
        if not all(word.isascii() and word.isdecimal() for word in words):
            raise forms.ValidationError(_("This is no list of members."), code="members_invalid")
        return [int(word) for word in words]
