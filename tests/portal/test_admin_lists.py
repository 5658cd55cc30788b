"""Long lists of the admin: what is counted, paged to and sorted, and what the page says of the rest."""

from typing import Any

import pytest
from django.test import Client

from portal import admin_lists
from tests.make import make_hotel, make_offer, make_voucher, make_vouchers
from tests.staff import make_staff, page_of, sign_in
from vouchers.admin_vouchers import VoucherAdmin
from vouchers.models import Hotel, Voucher

pytestmark = pytest.mark.django_db


@pytest.fixture
def hotel() -> Hotel:
    return make_hotel()


@pytest.fixture
def client(hotel: Hotel) -> Client:
    return sign_in(make_staff(hotel))


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Call a list long that has more than four rows, and let two stand on a page."""
    monkeypatch.setattr(admin_lists, "MOST_LISTED", 4)
    monkeypatch.setattr(VoucherAdmin, "list_per_page", 2)


def listed(client: Client, **place: Any) -> Any:
    return client.get(page_of(Voucher), place).context["cl"]


def keys(changelist: Any) -> list[str]:
    return [row.pk for row in changelist.result_list]


def test_a_short_list_is_counted_whole_and_sorted_by_any_column(
    client: Client, hotel: Hotel, short: None
) -> None:
    for title in ("Bath", "Canoe", "Atlas"):
        make_voucher(hotel=hotel, title=title)
    shown = listed(client, o="1")
    assert (shown.result_count, shown.is_cut, shown.paginator.num_pages) == (3, False, 2)
    assert [row.title for row in shown.result_list] == ["Atlas", "Bath"]
    assert [row.title for row in listed(client, o="-1").result_list] == ["Canoe", "Bath"]
    assert "list-cut" not in client.get(page_of(Voucher)).content.decode()


def test_of_a_long_list_the_first_rows_are_paged_to_and_the_page_says_so(
    client: Client, hotel: Hotel, short: None
) -> None:
    vouchers = sorted((each.pk for each in make_vouchers(make_offer(hotel), 7)), reverse=True)
    first, last = listed(client), listed(client, p=2)
    assert (first.result_count, first.is_cut, first.paginator.num_pages) == (4, True, 2)
    assert keys(first) + keys(last) == vouchers[:4]
    assert keys(listed(client, p=5000)) == keys(last)
    assert keys(listed(client, p=-1)) == keys(first)
    page = client.get(page_of(Voucher)).content.decode()
    assert "More than 4 vouchers" in page
    assert "Only the first 4 can be paged to" in page
    assert "more than 4 results" in client.get(page_of(Voucher), {"q": "v-"}).content.decode()


def test_a_long_list_is_sorted_only_as_an_index_has_it(client: Client, hotel: Hotel, short: None) -> None:
    vouchers = sorted(each.pk for each in make_vouchers(make_offer(hotel), 7))
    by_id = VoucherAdmin.list_display.index("id") + 1
    assert keys(listed(client, o=by_id)) == vouchers[:2]
    assert keys(listed(client, o=-by_id)) == vouchers[:-3:-1]
    refused = listed(client, o=1)
    assert refused.is_order_refused
    assert keys(refused) == vouchers[:-3:-1]
    assert refused.sortable_by == ["id"]
    assert "o=" not in refused.get_query_string()


def test_what_a_filter_leaves_of_a_long_list_is_short_again(
    client: Client, hotel: Hotel, short: None
) -> None:
    make_vouchers(make_offer(hotel), 7)
    held = make_voucher(hotel=hotel, holder_uid="thinker-1")
    shown = listed(client, q="thinker-1", o="1")
    assert keys(shown) == [held.pk]
    assert not shown.is_cut


def test_every_page_of_a_list_costs_the_same_number_of_queries(
    client: Client, hotel: Hotel, short: None, django_assert_num_queries: Any
) -> None:
    make_vouchers(make_offer(hotel), 7)
    for place in ({}, {"p": 2}, {"p": 99}, {"o": "1"}, {"o": "-1", "p": 2}):
        with django_assert_num_queries(11):
            client.get(page_of(Voucher), place)


def test_a_title_is_found_in_batches_and_in_vouchers_without_one(client: Client, hotel: Hotel) -> None:
    of_batch = make_voucher(hotel=hotel, title="Sauna evening")
    alone = make_voucher(hotel=hotel, title="Evening sauna", holder_uid="thinker-1")
    make_voucher(hotel=hotel, title="Sauna")
    assert (of_batch.batch_id, alone.batch_id) != (None, of_batch.batch_id)
    assert alone.batch_id is None
    assert set(keys(listed(client, q="sauna EVENING"))) == {of_batch.pk, alone.pk}
    assert keys(listed(client, q=of_batch.pk[:-3])) == [of_batch.pk]
    assert keys(listed(client, q=of_batch.batch_id)) == [of_batch.pk]
