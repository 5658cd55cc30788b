"""The admin of hotels, batches and vouchers."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client

from bookings.models import Booking
from events.models import Event
from portal import admin_actions
from tests.checks import stored
from tests.make import (
    GUEST_UID,
    NOW,
    OTHER_UID,
    make_booking,
    make_hotel,
    make_offer,
    make_voucher,
    make_vouchers,
)
from tests.staff import act, assert_strict, make_staff, page_of, sign_in, sign_in_root, told
from vouchers.models import Batch, Hotel, Offer, Voucher
from vouchers.states import Status

pytestmark = pytest.mark.django_db


@pytest.fixture
def hotel() -> Hotel:
    return make_hotel()


@pytest.fixture
def client(hotel: Hotel) -> Client:
    return sign_in(make_staff(hotel))


def queries(client: Client, address: str, number: int, count: Any) -> None:
    # The first look also reads what the process keeps.
    client.get(address)
    with count(number):
        assert client.get(address).status_code == 200


def reread(voucher: Voucher) -> Voucher:
    return Voucher.objects.get(pk=voucher.pk)


OURS = [
    model
    for model in admin.site._registry
    if model._meta.app_label in ("vouchers", "bookings", "events", "presence")
]


@pytest.mark.parametrize("model", OURS)
def test_nobody_sees_anything_without_signing_in(model: Any) -> None:
    for page in ("changelist", "add"):
        address = page_of(model, page)
        response = Client().get(address)
        assert response.status_code == 302
        assert response.headers["Location"] == f"/admin/login/?next={address}"


@pytest.mark.parametrize("model", OURS)
def test_guests_who_have_an_account_but_are_no_staff_see_nothing(model: Any) -> None:
    response = sign_in(User.objects.create_user("guest")).get(page_of(model))
    assert response.status_code == 302


@pytest.mark.parametrize("model", OURS)
def test_staff_without_permissions_are_refused(model: Any, hotel: Hotel) -> None:
    nobody = sign_in(make_staff(hotel, username="nobody", permissions=[]))
    assert nobody.get(page_of(model)).status_code == 403


def test_every_page_works_under_a_strict_policy(hotel: Hotel) -> None:
    offer = make_offer(hotel)
    voucher = make_voucher(offer)
    make_booking(make_voucher(offer), start=NOW + timedelta(hours=3), email="a@b.example")
    client = sign_in_root()
    assert_strict(client.get("/admin/"))
    for model in OURS:
        assert_strict(client.get(page_of(model)))
        row = model._default_manager.first()
        if row is not None:
            assert_strict(client.get(page_of(row)))
    for model in (Hotel, Offer, Voucher):
        assert_strict(client.get(page_of(model, "add")))
    assert_strict(client.get(page_of(voucher, "claim_link")))
    assert_strict(client.get(page_of(offer, "issue")))
    assert_strict(act(client, "withdraw", voucher))


def test_the_policy_of_the_admin_allows_no_inline_script(client: Client) -> None:
    policy = client.get(page_of(Voucher)).headers["Content-Security-Policy"]
    assert "unsafe" not in policy
    assert "script-src 'self'" in policy


@pytest.mark.parametrize(("model", "number"), [(Voucher, 10), (Batch, 8), (Hotel, 8)])
def test_lists_cost_the_same_number_of_queries_however_long(
    model: Any, number: int, client: Client, hotel: Hotel, django_assert_num_queries: Any
) -> None:
    offer = make_offer(hotel)
    make_voucher(offer)
    queries(client, page_of(model), number, django_assert_num_queries)
    for _each in range(8):
        make_vouchers(make_offer(hotel, weekdays=()), 3)
    queries(client, page_of(model), number, django_assert_num_queries)


def test_a_voucher_page_costs_the_same_number_of_queries_however_long_its_journal(
    client: Client, django_assert_num_queries: Any
) -> None:
    voucher = make_voucher(make_offer())
    queries(client, page_of(voucher), 10, django_assert_num_queries)
    for _each in range(3):
        redeem(client, voucher)
        act(client, "undo", voucher)
    queries(client, page_of(voucher), 10, django_assert_num_queries)


def redeem(client: Client, *vouchers: Voucher) -> Any:
    return act(client, "redeem", *vouchers)


def vouchers_in_all_states(hotel: Hotel) -> list[Voucher]:
    offer = make_offer(hotel, capacity=9)
    issued, booked, used, withdrawn, swept = make_vouchers(offer, 5)
    over = make_voucher(hotel=hotel, valid_from=NOW - timedelta(days=9), valid_until=NOW - timedelta(days=1))
    booked_and_over = make_voucher(
        hotel=hotel,
        valid_from=NOW - timedelta(days=9),
        valid_until=NOW - timedelta(days=3),
        now=NOW - timedelta(days=9),
    )
    make_booking(booked, start=NOW + timedelta(hours=3))
    make_booking(booked_and_over, start=NOW - timedelta(days=5), now=NOW - timedelta(days=8))
    make_booking(used, start=NOW + timedelta(hours=3), holder_uid=OTHER_UID)
    Voucher.objects.filter(pk=used.pk).update(status=Status.CONSUMED)
    Voucher.objects.filter(pk=withdrawn.pk).update(status=Status.CANCELLED)
    Voucher.objects.filter(pk=swept.pk).update(status=Status.EXPIRED)
    return [issued, booked, used, withdrawn, swept, over, booked_and_over]


def listed(response: Any) -> set[str]:
    return {row.pk for row in response.context["cl"].result_list}


@pytest.mark.parametrize("status", Status)
def test_the_status_filter_shows_what_guests_see(status: Status, client: Client, hotel: Hotel) -> None:
    vouchers = vouchers_in_all_states(hotel)
    expected = {voucher.pk for voucher in vouchers if reread(voucher).shown(NOW) == status}
    response = client.get(page_of(Voucher), {"shown": status})
    assert listed(response) == expected
    assert expected
    assert {row.shown_status for row in response.context["cl"].result_list} == {status}
    assert listed(response) == set(Voucher.objects.shown_as(status, NOW).values_list("pk", flat=True))


@pytest.mark.parametrize(
    ("validity", "number"), [("now", 1), ("soon", 1), ("later", 1), ("over", 1), ("nonsense", 3), ("", 3)]
)
def test_the_validity_filter_keeps_what_it_says(
    validity: str, number: int, client: Client, hotel: Hotel
) -> None:
    make_voucher(hotel=hotel, valid_from=NOW, valid_until=NOW + timedelta(days=5))
    make_voucher(hotel=hotel, valid_from=NOW + timedelta(days=40), valid_until=NOW + timedelta(days=50))
    make_voucher(hotel=hotel, valid_from=NOW - timedelta(days=5), valid_until=NOW)
    assert len(listed(client.get(page_of(Voucher), {"validity": validity}))) == number


def test_vouchers_are_found_by_id_holder_title_and_service(client: Client, hotel: Hotel) -> None:
    held = make_voucher(hotel=hotel, holder_uid=GUEST_UID, title="Whales")
    other = make_voucher(make_offer(hotel))
    for words in (held.pk, GUEST_UID, "whales"):
        assert listed(client.get(page_of(Voucher), {"q": words})) == {held.pk}
    assert listed(client.get(page_of(Voucher), {"service": "hotel.spa"})) == {other.pk}


def post_voucher(client: Client, **fields: Any) -> Any:
    data = {"issuer_uid": "hotel-a", "title": "Tea", "valid_until_0": "2026-04-01", "valid_until_1": "12:00"}
    return client.post(page_of(Voucher, "add"), {**data, **fields}, follow=True)


def test_adding_a_voucher_issues_it_by_the_hotels_clock(client: Client) -> None:
    response = post_voucher(client, price_amount="12.50", transferable="true", terms='{"Age": "16"}')
    voucher = Voucher.objects.get()
    assert told(response)["worked"] == [f"Voucher {voucher.pk} issued."]
    assert (voucher.title, str(voucher.price_amount), voucher.transferable) == ("Tea", "12.50", True)
    assert voucher.valid_until.isoformat() == "2026-04-01T10:00:00+00:00"
    assert voucher.expires_at == voucher.valid_until
    assert voucher.batch is not None
    assert voucher.batch.open_issued == 1
    event = Event.objects.get()
    assert (event.type, event.actor_id, event.subject_id) == ("voucher.issue", "staff:clerk", voucher.pk)


def test_a_voucher_of_an_offer_promises_what_the_offer_does(client: Client, hotel: Hotel) -> None:
    offer = make_offer(hotel, duration_minutes=90, price_amount="20.00", transferable=True)
    post_voucher(client, offer=offer.pk, title="", valid_until_0="", valid_until_1="", holder_uid=GUEST_UID)
    voucher = Voucher.objects.get()
    assert (voucher.title, voucher.duration_minutes, voucher.transferable) == ("Spa hour", 90, True)
    assert (voucher.offer, voucher.holder_uid, voucher.batch) == (offer, GUEST_UID, None)


@pytest.mark.parametrize(
    "fields",
    [
        {"title": ""},
        {"valid_until_0": "2026-01-01"},
        {"valid_until_0": "0001-01-01", "valid_until_1": "00:00"},
        {"valid_until_0": "9999-12-31", "valid_until_1": "23:59"},
        {"valid_from_0": "2199-12-31", "valid_from_1": "23:59"},
        {"issuer_uid": "hotel-b"},
        {"issuer_uid": "", "title": "Tea"},
        {"offer": "o-of-b"},
        {"duration_minutes": "0"},
        {"price_amount": "-1"},
        {"price_currency": "euro"},
        {"terms": "[1]"},
        {"terms": "{"},
        {"holder_uid": "x" * 65},
        {"title": "x" * 121},
    ],
)
def test_a_voucher_that_cannot_be_is_refused_with_a_sentence(fields: dict[str, str], client: Client) -> None:
    make_offer(make_hotel("hotel-b"), id="o-of-b")
    before = stored()
    response = post_voucher(client, **fields)
    assert response.status_code == 200
    assert response.context["errors"]
    assert 'class="errorlist' in response.content.decode()
    assert stored() == before


def test_an_inactive_or_foreign_offer_cannot_be_chosen(hotel: Hotel) -> None:
    root = sign_in_root()
    make_offer(hotel, id="o-off", is_active=False)
    make_offer(make_hotel("hotel-b"), id="o-of-b")
    before = stored()
    assert post_voucher(root, offer="o-off").context["errors"]
    response = post_voucher(root, offer="o-of-b")
    assert "This offer belongs to another hotel." in response.content.decode()
    assert stored() == before


@pytest.mark.parametrize("permissions", [["view_voucher"], ["change_voucher"]])
def test_issuing_needs_its_permission(permissions: list[str], hotel: Hotel) -> None:
    someone = sign_in(make_staff(hotel, username="someone", permissions=permissions))
    assert post_voucher(someone).status_code == 403
    assert not Voucher.objects.exists()


def test_no_form_changes_or_deletes_a_voucher(hotel: Hotel) -> None:
    voucher = make_voucher(hotel=hotel)
    before = stored()
    for client in (sign_in_root(), sign_in(make_staff(hotel))):
        content = client.get(page_of(voucher)).content.decode()
        assert 'name="status"' not in content
        assert 'name="title"' not in content
        assert 'name="_save"' not in content
        fields = {"status": "consumed", "title": "Free", "holder_uid": GUEST_UID, "_save": "Save"}
        assert client.post(page_of(voucher), fields).status_code == 403
        assert client.post(page_of(voucher, "delete"), {"post": "yes"}).status_code == 403
        act(client, "delete_selected", voucher, post="yes")
    assert stored() == before


def test_redeeming_and_undoing_go_through_the_verbs(client: Client, hotel: Hotel) -> None:
    first, second = make_vouchers(hotel=hotel, count=2)
    assert told(redeem(client, first, second))["worked"] == ["2 vouchers redeemed."]
    assert reread(first).status == Status.CONSUMED
    assert told(act(client, "undo", first))["worked"] == ["1 redemption undone."]
    assert reread(first).status == Status.ISSUED
    types = list(Event.objects.filter(actor_id="staff:clerk").order_by("pk").values_list("type", flat=True))
    assert sorted(types) == ["voucher.redeem", "voucher.redeem", "voucher.unredeem"]


def test_a_mixed_choice_says_how_many_worked_and_why_the_others_did_not(client: Client, hotel: Hotel) -> None:
    good, used = make_vouchers(hotel=hotel, count=2)
    later = make_voucher(hotel=hotel, valid_from=NOW + timedelta(days=1))
    redeem(client, used)
    words = told(redeem(client, good, used, later))
    assert words["worked"] == ["1 voucher redeemed."]
    assert sorted(words["refused"]) == [
        f"This voucher has been used. ({used.pk})",
        f"This voucher is not valid yet. ({later.pk})",
    ]
    assert reread(good).status == Status.CONSUMED
    assert reread(later).status == Status.ISSUED


def test_an_undo_after_five_minutes_is_refused(
    client: Client, hotel: Hotel, clock: time_machine.Traveller
) -> None:
    voucher = make_voucher(hotel=hotel)
    redeem(client, voucher)
    assert "Undo redemption" in client.get(page_of(voucher)).content.decode()
    clock.shift(timedelta(minutes=5, seconds=1))
    assert told(act(client, "undo", voucher))["refused"] == [
        f"A redemption can be undone for five minutes only. ({voucher.pk})"
    ]
    page = client.get(page_of(voucher))
    assert page.context["page_actions"] == []
    assert reread(voucher).status == Status.CONSUMED


def test_a_press_on_the_vouchers_own_page_leads_back_to_it(client: Client, hotel: Hotel) -> None:
    voucher = make_voucher(hotel=hotel)
    response = act(client, "redeem", voucher, from_page="1")
    assert response.redirect_chain == [(page_of(voucher), 302)]
    assert [name for name, _label in response.context["page_actions"]] == ["undo"]


def test_withdrawing_asks_first_and_says_what_will_change(client: Client, hotel: Hotel) -> None:
    open_one, booked, used = make_vouchers(make_offer(hotel, title="Sauna"), 3)
    make_booking(booked, start=NOW + timedelta(hours=3))
    redeem(client, used)
    before = stored()
    response = act(client, "withdraw", open_one, booked, used)
    content = response.content.decode()
    assert f"Sauna ({open_one.pk}) can no longer be booked or used." in content
    assert (
        f"Sauna ({booked.pk}): the booking of Mon, 2 Mar 2026, 12:00 (Europe/Amsterdam) is cancelled with it."
        in content
    )
    assert f"Sauna ({used.pk}) stays as it is: Consumed." in content
    assert stored() == before
    again = act(client, "withdraw", open_one, apply="1", reason=" ")
    assert again.status_code == 422
    assert stored() == before


def test_withdrawing_cancels_the_booking_and_keeps_the_reason(client: Client, hotel: Hotel) -> None:
    open_one, booked, used = make_vouchers(make_offer(hotel), 3)
    booking = make_booking(booked, start=NOW + timedelta(hours=3))
    redeem(client, used)
    words = told(act(client, "withdraw", open_one, booked, used, apply="1", reason="Flooded"))
    assert words["worked"] == ["2 vouchers withdrawn."]
    assert words["refused"] == [f"This voucher has been used. ({used.pk})"]
    assert {reread(open_one).status, reread(booked).status} == {Status.CANCELLED}
    assert Booking.objects.get(pk=booking.pk).cancel_reason == "Flooded"
    event = Event.objects.get(type="voucher.withdraw", subject_id=booked.pk)
    assert (event.actor_id, event.meta["reason"]) == ("staff:clerk", "Flooded")


@pytest.mark.parametrize(
    ("permissions", "names"),
    [
        (["view_voucher"], set()),
        (["view_voucher", "change_voucher"], {"redeem"}),
        (["view_voucher", "delete_voucher"], {"withdraw"}),
    ],
)
def test_actions_need_their_permissions(permissions: list[str], names: set[str], hotel: Hotel) -> None:
    voucher = make_voucher(hotel=hotel)
    someone = sign_in(make_staff(hotel, username="someone", permissions=permissions))
    page = someone.get(page_of(voucher))
    assert {name for name, _label in page.context["page_actions"]} == names
    before = stored()
    for action in {"redeem", "withdraw", "undo"} - names:
        act(someone, action, voucher, apply="1", reason="x")
    assert stored() == before


def test_more_rows_than_a_request_can_bear_are_refused(
    client: Client, hotel: Hotel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_actions, "MOST_AT_ONCE", 2)
    vouchers = make_vouchers(hotel=hotel, count=3)
    before = stored()
    assert told(redeem(client, *vouchers))["refused"] == ["Choose at most 2 rows at once."]
    response = act(client, "withdraw", *vouchers)
    assert told(response)["refused"] == ["Choose at most 2 rows at once."]
    assert stored() == before


def test_an_action_on_all_rows_keeps_to_the_filter_of_the_list(client: Client, hotel: Hotel) -> None:
    first, second = make_vouchers(hotel=hotel, count=2)
    other = make_voucher(hotel=hotel, title="Other")
    words = told(act(client, "redeem", first, query="?q=Stay", select_across="1"))
    assert words == {"worked": ["2 vouchers redeemed."], "refused": []}
    assert reread(second).status == Status.CONSUMED
    assert reread(other).status == Status.ISSUED


def claim_link(client: Client, voucher: Voucher) -> str:
    response = client.post(page_of(voucher, "claim_link"))
    return str(response.context["link"])


def test_a_claim_link_hands_the_voucher_to_a_guest(client: Client, hotel: Hotel, settings: Any) -> None:
    settings.PUBLIC_URL = "https://vouchers.example"
    voucher = make_voucher(hotel=hotel)
    page = client.get(page_of(voucher, "claim_link"))
    assert "/claim/" not in page.content.decode()
    response = client.post(page_of(voucher, "claim_link"))
    assert_strict(response)
    link = response.context["link"]
    assert link.startswith("https://vouchers.example/claim/")
    assert link in response.content.decode()
    Client().post(link.removeprefix("https://vouchers.example"))
    assert reread(voucher).holder_uid.startswith("thinker-")


def test_a_claim_link_is_refused_where_it_would_be_worth_nothing(client: Client, hotel: Hotel) -> None:
    used = make_voucher(hotel=hotel)
    redeem(client, used)
    held = make_voucher(hotel=hotel, holder_uid=GUEST_UID)
    for voucher in (used, held):
        response = client.post(page_of(voucher, "claim_link"), follow=True)
        assert response.redirect_chain == [(page_of(voucher), 302)]
        assert len(told(response)["refused"]) == 1
        assert response.context["page_links"] == []
    handed_on = make_voucher(hotel=hotel, holder_uid=GUEST_UID, transferable=True)
    assert "/claim/" in claim_link(client, handed_on)


def test_a_voucher_page_shows_its_journal(client: Client, hotel: Hotel) -> None:
    voucher = make_voucher(hotel=hotel)
    redeem(client, voucher)
    content = client.get(page_of(voucher)).content.decode()
    assert "voucher.issue" in content
    assert "status: issued → consumed" in content
    assert "staff:clerk" in content
    assert "Mon, 2 Mar 2026, 09:00 (Europe/Amsterdam)" in content


def test_staff_see_nothing_of_another_hotel(client: Client, hotel: Hotel) -> None:
    mine = make_voucher(make_offer(hotel))
    foreign = make_voucher(make_offer(make_hotel("hotel-b", name="Secret palace"), title="Secret bath"))
    held = make_voucher(hotel=make_hotel("hotel-b"), holder_uid=GUEST_UID, transferable=True)
    for model in (Voucher, Batch, Hotel, Offer):
        response = client.get(page_of(model))
        assert len(listed(response)) == 1
        assert "ecret" not in response.content.decode()
    for words in ("Secret", foreign.pk, GUEST_UID):
        assert listed(client.get(page_of(Voucher), {"q": words})) == set()
    assert listed(client.get(page_of(Voucher), {"hotel__uid__exact": "hotel-b"})) <= {mine.pk}
    assert listed(client.get(page_of(Voucher), {"offer__id__exact": foreign.offer_id})) == set()
    rows = [foreign, held, foreign.batch, foreign.hotel, foreign.offer]
    pages = [page_of(row, page) for row in rows if row for page in ("change", "history")]
    pages += [
        page_of(foreign, "claim_link"),
        page_of(foreign.offer, "issue"),
        page_of(foreign.offer, "delete"),
    ]
    for address in pages:
        response = client.get(address, follow=True)
        assert response.redirect_chain, address
        assert "ecret" not in response.content.decode()
    assert "ecret" not in client.get(page_of(Voucher, "add")).content.decode()
    assert "ecret" not in client.get(page_of(Offer, "add")).content.decode()
    assert mine.title in client.get(page_of(mine)).content.decode()


def test_staff_cannot_act_on_another_hotels_voucher(client: Client, hotel: Hotel) -> None:
    mine = make_voucher(hotel=hotel)
    foreign = make_voucher(hotel=make_hotel("hotel-b"))
    before = stored()
    for action in ("redeem", "undo", "withdraw"):
        words = told(act(client, action, foreign, apply="1", reason="Mine now"))
        assert words == {"worked": [], "refused": ["1 of the chosen rows is not in this list."]}
    assert foreign.pk not in act(client, "withdraw", foreign).content.decode()
    response = client.post(page_of(foreign, "claim_link"), follow=True)
    assert "/claim/" not in response.content.decode()
    assert stored() == before
    words = told(redeem(client, mine, foreign))
    assert words["worked"] == ["1 voucher redeemed."]
    assert reread(foreign).status == Status.ISSUED


@pytest.mark.parametrize("model", ["offer", "voucher", "batch"])
def test_searching_for_a_choice_finds_only_ones_own(model: str, client: Client, hotel: Hotel) -> None:
    make_offer(hotel)
    make_offer(make_hotel("hotel-b", name="Secret palace"))
    query = {"app_label": "vouchers", "model_name": model, "field_name": "hotel", "term": ""}
    found = client.get("/admin/autocomplete/", query).json()
    assert [row["id"] for row in found["results"]] == ["hotel-a"]


def test_staff_of_two_hotels_see_both_and_can_tell_them_apart(hotel: Hotel) -> None:
    second = make_hotel("hotel-b")
    make_hotel("hotel-c", name="Third")
    make_voucher(hotel=hotel)
    make_voucher(hotel=second)
    client = sign_in(make_staff(hotel, second, username="both"))
    response = client.get(page_of(Voucher))
    assert len(listed(response)) == 2
    assert "?hotel__uid__exact=hotel-b" in response.content.decode()
    assert "hotel-c" not in response.content.decode()


HOTEL = {
    "name": "Hotel hotel-a",
    "time_zone": "Europe/Amsterdam",
    "default_language": "en",
    "default_currency": "EUR",
    "address": "",
    "email": "",
    "phone": "",
}


def test_a_changed_hotel_is_journalled_with_before_and_after(client: Client, hotel: Hotel) -> None:
    client.post(page_of(hotel), {**HOTEL, "name": "Grand", "phone": "123"})
    event = Event.objects.get()
    assert (event.type, event.actor_id) == ("hotel.change", "staff:clerk")
    assert (event.subject_type, event.subject_id, event.issuer_uid) == ("hotel", "hotel-a", "hotel-a")
    assert event.meta == {
        "before": {"name": "Hotel hotel-a", "phone": ""},
        "after": {"name": "Grand", "phone": "123"},
    }
    assert event.created_at == NOW


def test_saving_a_hotel_as_it_is_writes_nothing(client: Client, hotel: Hotel) -> None:
    client.post(page_of(hotel), HOTEL)
    assert not Event.objects.exists()


def test_a_hotels_uid_and_staff_stay_out_of_its_staffs_hands(client: Client, hotel: Hotel) -> None:
    stranger = User.objects.create_user("stranger", is_staff=True)
    client.post(page_of(hotel), {**HOTEL, "uid": "hotel-z", "staff": [stranger.pk]})
    assert Hotel.objects.get().pk == "hotel-a"
    assert [user.get_username() for user in hotel.staff.all()] == ["clerk"]
    assert client.get(page_of(Hotel, "add")).status_code == 403
    assert client.post(page_of(hotel, "delete"), {"post": "yes"}).status_code == 403


def test_superusers_add_hotels_and_say_who_belongs_to_them() -> None:
    root = sign_in_root()
    clerk = User.objects.create_user("clerk", is_staff=True)
    root.post(page_of(Hotel, "add"), {**HOTEL, "uid": "new", "staff": [clerk.pk]})
    hotel = Hotel.objects.get()
    added = Event.objects.get()
    assert added.type == "hotel.add"
    assert added.meta["before"] == {}
    assert added.meta["after"]["staff"] == ["clerk"]
    root.post(page_of(hotel), {**HOTEL, "staff": []})
    changed = Event.objects.get(type="hotel.change")
    assert changed.meta == {"before": {"staff": ["clerk"]}, "after": {"staff": []}}


def test_a_hotel_with_vouchers_cannot_be_deleted_and_one_without_is_journalled(hotel: Hotel) -> None:
    root = sign_in_root()
    make_voucher(hotel=hotel)
    empty = make_hotel("hotel-b")
    root.post(page_of(hotel, "delete"), {"post": "yes"})
    root.post(page_of(empty, "delete"), {"post": "yes"})
    assert list(Hotel.objects.all()) == [hotel]
    event = Event.objects.get(type="hotel.delete")
    assert (event.subject_id, event.meta["before"]["name"]) == ("hotel-b", "Hotel hotel-b")


def test_a_time_zone_that_does_not_exist_is_refused(client: Client, hotel: Hotel) -> None:
    response = client.post(page_of(hotel), {**HOTEL, "time_zone": "Europe/Nowhere"})
    assert "is no time zone" in response.content.decode()
    assert not Event.objects.exists()
