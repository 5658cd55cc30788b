"""People in the admin: superusers see Django's own pages, admins of hotels their own staff."""

from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.auth.admin import GroupAdmin, UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import DateTimeField, Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from portal.admin import CheckedActions, acting, is_superuser
from portal.admin_freshness import FreshForms
from portal.errors import Rejected
from staff.domain import save_person
from staff.forms import NewPersonForm, PersonForm, SignInForm
from staff.roles import ROLES
from vouchers.models import Hotel

if TYPE_CHECKING:
    PeopleAdmin = UserAdmin[User]
else:
    PeopleAdmin = UserAdmin

admin.site.login_form = SignInForm
admin.site.login_template = "admin/staff/sign_in.html"
# What they hold are secrets; each member of staff sets up their own on a page of ours.
admin.site.unregister([TOTPDevice, StaticDevice, User, Group])


@admin.register(Group)
class RoleAdmin(FreshForms, CheckedActions, GroupAdmin):
    """Groups; what a role may do is the portal's to say, and other groups are superusers'."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show groups to superusers: who can change a group can give anyone anything."""
        return is_superuser(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Show groups to superusers."""
        return is_superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Let superusers make groups of their own."""
        return is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Keep the three roles as they are: they are renewed after every migrate."""
        return is_superuser(request) and (obj is None or getattr(obj, "name", "") not in ROLES)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Keep the three roles."""
        return self.has_change_permission(request, obj)


@admin.register(User)
class PersonAdmin(FreshForms, CheckedActions, PeopleAdmin):
    """Staff of the user's hotels.

    Whoever also works for another hotel, or is a superuser, is not there: a password that is
    set here would open that other hotel.
    """

    list_display = ("username", "full_name", "roles_told", "hotels_told", "is_active", "last_login")
    list_filter = ("is_active",)
    search_fields = ("username", "first_name", "last_name", "email")
    ordering = ("username",)
    own_fieldsets: ClassVar[Any] = (
        (None, {"fields": ("username", "first_name", "last_name", "email", "is_active")}),
        (_("What they may do"), {"fields": ("roles", "hotels")}),
    )
    own_add_fieldsets: ClassVar[Any] = (
        (None, {"fields": ("username", "password", "first_name", "last_name", "email", "is_active")}),
        (_("What they may do"), {"fields": ("roles", "hotels")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """Return the staff of the user's hotels alone."""
        people: QuerySet[User] = super().get_queryset(request).prefetch_related("groups", "hotels")
        if is_superuser(request):
            return people
        own = Hotel.objects.of_staff(request.user)
        others = Hotel.objects.exclude(pk__in=own.values("pk"))
        people = people.filter(is_superuser=False, is_staff=True, hotels__in=own)
        return people.exclude(hotels__in=others).distinct()

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        """Show superusers everything, and admins of hotels what is theirs to give."""
        if is_superuser(request):
            return super().get_fieldsets(request, obj)
        return self.own_fieldsets if obj else self.own_add_fieldsets

    def get_form(
        self,
        request: HttpRequest,
        obj: Model | None = None,
        change: bool = False,  # noqa: FBT001, FBT002 - Django's signature
        **kwargs: Any,
    ) -> Any:
        """Return the form for whoever asks; its choice of hotels is their own."""
        if is_superuser(request):
            return super().get_form(request, obj, change=change, **kwargs)
        base = PersonForm if obj else NewPersonForm
        own = {"own_hotels": Hotel.objects.of_staff(request.user)}
        return self.refreshed(type(base.__name__, (base,), own), request, obj)

    def get_list_filter(self, request: HttpRequest) -> Any:
        """Offer superusers Django's own filters."""
        return UserAdmin.list_filter if is_superuser(request) else self.list_filter

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:  # noqa: FBT001
        """Save by the domain's verb, unless a superuser does."""
        if is_superuser(request):
            super().save_model(request, obj, form, change)
            return
        data = form.cleaned_data
        if not change:
            obj.set_password(data["password"])
        try:
            save_person(
                obj,
                roles=data["roles"],
                hotels=list(data["hotels"]),
                own_hotels=Hotel.objects.of_staff(request.user),
                by=acting(request),
                now=timezone.now(),
            )
        except Rejected as error:
            self.message_user(request, error.message, messages.ERROR)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:  # noqa: FBT001
        """Leave roles and hotels to the domain's verb."""
        if is_superuser(request):
            super().save_related(request, form, formsets, change)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002
        """Let superusers delete people; others take the mark from "active", and the journal stays whole."""
        return is_superuser(request)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Leave out deleting in bulk."""
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Name the two fields of a time to those who cannot see the label before them."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(db_field, DateTimeField) and field is not None:
            field.widget.attrs["aria-label"] = field.label
        return field

    @admin.display(description=_("name"))
    def full_name(self, person: User) -> str:
        """Return first and last name."""
        return person.get_full_name()

    @admin.display(description=_("roles"))
    def roles_told(self, person: User) -> str:
        """Return the groups that the person is in."""
        return ", ".join(sorted(group.name for group in person.groups.all()))

    @admin.display(description=_("hotels"))
    def hotels_told(self, person: Any) -> str:
        """Return the hotels that the person works for."""
        return ", ".join(sorted(hotel.name for hotel in person.hotels.all()))
