"""Three roles: what each may do, and that nobody gives more than they have."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.test import Client

from events.models import Event
from staff.roles import FRONT_DESK, HOTEL_ADMIN, ROLES, VOUCHER_MANAGER, renew_roles
from tests.make import make_hotel
from tests.staff import page_of, sign_in
from tests.web import words_of
from vouchers.models import Hotel

pytestmark = pytest.mark.django_db


def person(name: str, role: str, *hotels: Hotel) -> User:
    user = User.objects.create_user(name, is_staff=True, password="a-Long-enough-one")
    user.groups.add(Group.objects.get(name=role))
    for hotel in hotels:
        hotel.staff.add(user)
    return user


@pytest.fixture
def boss() -> User:
    return person("boss", HOTEL_ADMIN, make_hotel())


def fields_of(role: str, *hotels: Hotel, **more: Any) -> dict[str, Any]:
    return {
        "username": "nina",
        "first_name": "Nina",
        "last_name": "",
        "email": "",
        "is_active": "on",
        "roles": [Group.objects.get(name=role).pk],
        "hotels": [hotel.pk for hotel in hotels],
        **more,
    }


def test_there_are_three_roles_and_each_holds_the_one_before() -> None:
    assert set(Group.objects.values_list("name", flat=True)) == set(ROLES)
    assert ROLES[FRONT_DESK] < ROLES[VOUCHER_MANAGER] < ROLES[HOTEL_ADMIN]


def test_every_permission_of_a_role_exists() -> None:
    known = {
        f"{app}.{codename}"
        for app, codename in Permission.objects.values_list("content_type__app_label", "codename")
    }
    for name, allowed in ROLES.items():
        assert allowed <= known, name
        given = Group.objects.get(name=name).permissions.values_list("content_type__app_label", "codename")
        assert {f"{app}.{codename}" for app, codename in given} == allowed


def test_a_migrate_gives_back_what_was_taken_and_leaves_other_groups() -> None:
    own = Group.objects.create(name="Night shift")
    own.permissions.add(Permission.objects.get(codename="view_voucher"))
    Group.objects.get(name=FRONT_DESK).permissions.clear()
    Group.objects.get(name=HOTEL_ADMIN).permissions.add(Permission.objects.get(codename="delete_logentry"))
    call_command("migrate", verbosity=0)
    test_every_permission_of_a_role_exists()
    assert own.permissions.count() == 1
    renew_roles()
    assert own.permissions.count() == 1


def test_an_admin_of_a_hotel_adds_staff_who_can_sign_in(boss: User) -> None:
    hotel = make_hotel()
    answer = sign_in(boss).post(
        page_of(User, "add"), fields_of(FRONT_DESK, hotel, password="Correct-horse-9"), follow=True
    )
    assert answer.status_code == 200
    nina = User.objects.get(username="nina")
    assert nina.is_staff
    assert not nina.is_superuser
    assert [group.name for group in nina.groups.all()] == [FRONT_DESK]
    assert list(Hotel.objects.of_staff(nina)) == [hotel]
    event = Event.objects.get(type="staff.add")
    assert (event.issuer_uid, event.actor_id) == (hotel.pk, "staff:boss")
    assert "Nina" not in str(event.meta)
    signed_in = Client().post("/admin/login/", {"username": "nina", "password": "Correct-horse-9"})
    assert signed_in.status_code == 302


@pytest.mark.parametrize("password", ["", "12345678", "nina"])
def test_a_first_password_keeps_the_rules(boss: User, password: str) -> None:
    fields = fields_of(FRONT_DESK, make_hotel(), password=password)
    assert sign_in(boss).post(page_of(User, "add"), fields).status_code == 200
    assert not User.objects.filter(username="nina").exists()


def test_a_role_is_changed_and_journalled(boss: User) -> None:
    hotel = make_hotel()
    nina = person("nina", FRONT_DESK, hotel)
    fields = fields_of(VOUCHER_MANAGER, hotel)
    sign_in(boss).post(page_of(nina), fields)
    assert [group.name for group in nina.groups.all()] == [VOUCHER_MANAGER]
    event = Event.objects.get(type="staff.change")
    assert event.meta["before"]["roles"] == [FRONT_DESK]
    assert event.meta["after"]["roles"] == [VOUCHER_MANAGER]


def test_nobody_is_made_more_than_an_admin_of_ones_own_hotels(boss: User) -> None:
    other = make_hotel("hotel-b")
    own_group = Group.objects.create(name="Everything")
    own_group.permissions.set(Permission.objects.all())
    nina = person("nina", FRONT_DESK, make_hotel())
    for fields in (
        fields_of(FRONT_DESK, make_hotel(), is_superuser="on", is_staff="on", user_permissions=["1"]),
        fields_of(FRONT_DESK, other),
        {**fields_of(FRONT_DESK, make_hotel()), "roles": [own_group.pk]},
        {**fields_of(FRONT_DESK, make_hotel()), "groups": [own_group.pk]},
        {**fields_of(FRONT_DESK), "hotels": []},
    ):
        sign_in(boss).post(page_of(nina), fields)
        nina = User.objects.get(pk=nina.pk)
        assert not nina.is_superuser
        assert not nina.user_permissions.exists()
        assert [group.name for group in nina.groups.all()] == [FRONT_DESK]
        assert list(Hotel.objects.of_staff(nina)) == [make_hotel()]


def test_people_of_other_hotels_and_superusers_are_not_there(boss: User) -> None:
    other = make_hotel("hotel-b")
    root = User.objects.create_superuser("root")
    make_hotel().staff.add(root)
    strangers = [
        person("stranger", FRONT_DESK, other),
        person("both", FRONT_DESK, make_hotel(), other),
        root,
        User.objects.create_user("nobody", is_staff=True),
    ]
    client = sign_in(boss)
    page = words_of(client.get(page_of(User)))
    for user in strangers:
        assert user.username not in page
        before = User.objects.filter(pk=user.pk).values().get()
        password = f"/admin/auth/user/{user.pk}/password/"
        assert client.get(page_of(user)).status_code == 302
        client.post(page_of(user), fields_of(FRONT_DESK, make_hotel()))
        new = {"password1": "Correct-horse-9", "password2": "Correct-horse-9"}
        assert client.post(password, new).status_code in (302, 404)
        assert User.objects.filter(pk=user.pk).values().get() == before


def test_an_admin_sets_the_password_of_their_own_staff(boss: User) -> None:
    nina = person("nina", FRONT_DESK, make_hotel())
    new = {"password1": "Correct-horse-9", "password2": "Correct-horse-9", "usable_password": "true"}
    sign_in(boss).post(f"/admin/auth/user/{nina.pk}/password/", new)
    assert User.objects.get(pk=nina.pk).check_password("Correct-horse-9")


def test_people_are_not_deleted_and_groups_are_superusers(boss: User) -> None:
    nina = person("nina", FRONT_DESK, make_hotel())
    client = sign_in(boss)
    assert client.post(page_of(nina, "delete"), {"post": "yes"}).status_code == 403
    assert client.get(page_of(Group)).status_code == 403
    root = sign_in(User.objects.create_superuser("root"))
    role = Group.objects.get(name=FRONT_DESK)
    assert root.post(page_of(role), {"name": "Anything"}).status_code == 403
    assert root.post(page_of(role, "delete"), {"post": "yes"}).status_code == 403
    assert Group.objects.filter(pk=role.pk, name=FRONT_DESK).exists()


@pytest.mark.parametrize("role", [FRONT_DESK, VOUCHER_MANAGER])
def test_other_roles_see_no_people(role: str) -> None:
    client = sign_in(person("clerk", role, make_hotel()))
    assert client.get(page_of(User)).status_code == 403
    assert client.get(page_of(User, "add")).status_code == 403


def test_a_superuser_has_djangos_own_page() -> None:
    root = sign_in(User.objects.create_superuser("root"))
    assert "is_superuser" in root.get(page_of(person("nina", FRONT_DESK, make_hotel()))).content.decode()


def test_a_form_that_was_opened_earlier_lets_nobody_in_again(boss: User) -> None:
    hotel = make_hotel()
    nina = person("nina", FRONT_DESK, hotel)
    client = sign_in(boss)
    opened = {"_shown": client.get(page_of(nina)).context["shown"]}
    fields = fields_of(FRONT_DESK, hotel, email="nina@hotel.example")
    User.objects.filter(pk=nina.pk).update(is_active=False)
    response = client.post(page_of(nina), fields | opened)
    assert "Somebody else has changed this meanwhile" in response.content.decode()
    nina.refresh_from_db()
    assert (nina.is_active, nina.email) == (False, "")
    # A role that was taken away meanwhile is no less.
    opened = {"_shown": client.get(page_of(nina)).context["shown"]}
    nina.groups.clear()
    response = client.post(page_of(nina), fields | opened)
    assert "Somebody else has changed this meanwhile" in response.content.decode()
    assert not nina.groups.exists()
    assert client.post(page_of(nina), fields | {"_shown": response.context["shown"]}).status_code == 302
