"""What is typed about a hotel's people, and at their sign-in."""

from typing import Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth import password_validation
from django.contrib.auth.models import Group, User
from django.utils.translation import gettext_lazy as _

from staff.roles import ROLES
from staff.second_step import has_second_step, is_right
from vouchers.models import Hotel


class SignInForm(AdminAuthenticationForm):
    """Name and password, and a number from those who have set up a second step."""

    token = forms.CharField(
        label=_("Number of your second step, if you have set one up"),
        required=False,
        max_length=16,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code"}),
    )

    def clean(self) -> dict[str, Any]:
        """Check name and password, then the number, where a second step is set up."""
        data = super().clean() or {}
        user: Any = self.get_user()
        if user is not None and has_second_step(user):
            token = data.get("token", "").replace(" ", "")
            if not token:
                raise forms.ValidationError(_("Type the number that your app shows as well."))
            if not is_right(user, token):
                raise forms.ValidationError(_("This number is not right, or it has run out."))
        return data


class TokenForm(forms.Form):
    """A number that an authenticator app shows."""

    token = forms.CharField(
        label=_("The number that your app shows"),
        max_length=16,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric"}),
    )


class PersonForm(forms.ModelForm[User]):
    """A member of staff as an admin of their hotel may see and change them."""

    roles = forms.ModelMultipleChoiceField(
        Group.objects.filter(name__in=ROLES),
        label=_("Roles"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("A voucher manager may do what the front desk does, a hotel admin all of it."),
    )
    hotels = forms.ModelMultipleChoiceField(
        Hotel.objects.none(),
        label=_("Hotels"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Whose vouchers, bookings and guests they see."),
    )

    class Meta:
        model = User
        fields = ("username", "first_name", "last_name", "email", "is_active")

    # Set by the admin's page: the hotels that its user may give.
    own_hotels: Any = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen: Any = self.fields["hotels"]
        chosen.queryset = self.own_hotels
        if self.instance.pk:
            self.fields["roles"].initial = self.instance.groups.filter(name__in=ROLES)
            chosen.initial = self.own_hotels.filter(staff=self.instance)
        elif len(own := list(self.own_hotels[:2])) == 1:
            chosen.initial = own


class NewPersonForm(PersonForm):
    """A new member of staff, with a first password."""

    password = forms.CharField(
        label=_("First password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Hand it over in person; they change it after signing in."),
    )

    def clean_password(self) -> str:
        """Hold the password to the rules that everybody's is held to."""
        typed: str = self.cleaned_data["password"]
        password_validation.validate_password(typed, self.instance)
        return typed
