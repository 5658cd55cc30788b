"""Bulk work in the admin: pages that start jobs, show them, and let staff decide."""

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from bulk import admin_work
from bulk.models import Job
from tests.bulk.files import ROW, csv_of, upload, xlsx_of
from tests.bulk.test_domain import work_all
from tests.make import GUEST_UID, OTHER_UID, make_hotel, make_offer
from tests.staff import assert_strict, make_staff, page_of, sign_in, told
from vouchers.models import Hotel, Voucher

pytestmark = pytest.mark.django_db
ADD = "/admin/bulk/job/add/"


@pytest.fixture
def hotel() -> Hotel:
    return make_hotel()


@pytest.fixture
def client(hotel: Hotel) -> Client:
    return sign_in(make_staff(hotel))


def hand_in(client: Client, content: bytes = csv_of(ROW), name: str = "v.csv", **data: Any) -> Any:
    fields = {"hotel": "hotel-a", "file": upload(content, name), "form_key": uuid4(), **data}
    return client.post(ADD, fields, follow=True)


def decide(client: Client, verb: str, **data: Any) -> Any:
    return client.post(reverse(f"admin:bulk_job_{verb}", args=(Job.objects.get().pk,)), data, follow=True)


@pytest.mark.parametrize(("write", "name"), [(csv_of, "v.csv"), (xlsx_of, "v.xlsx")])
def test_a_file_is_shown_before_it_is_issued(client: Client, write: Any, name: str) -> None:
    assert_strict(client.get(ADD))
    response = hand_in(client, write(ROW), name)
    assert_strict(response)
    page = response.content.decode()
    assert "1 voucher can be issued." in page
    assert "Spa hour" in page
    assert not Voucher.objects.exists()
    page = decide(client, "confirm").content.decode()
    assert "1 voucher was issued." in page
    voucher = Voucher.objects.get()
    address = admin_work.vouchers_url(Job.objects.get()).replace("&", "&amp;")
    assert address in page
    shown = client.get(address.replace("&amp;", "&")).context["cl"].result_list
    assert [each.pk for each in shown] == [voucher.pk]


def test_refused_rows_are_shown_with_row_column_and_reason(client: Client) -> None:
    page = hand_in(client, csv_of(ROW, ("hotel-a", "", "2026-12-31"))).content.decode()
    assert "1 row is wrong." in page
    assert "1 row is right." in page
    assert "Needed for a voucher without an offer." in page
    assert "/confirm/" not in page


def test_the_same_file_again_asks_for_a_deliberate_choice(client: Client) -> None:
    hand_in(client)
    decide(client, "confirm")
    Job.objects.update(file_name="first.csv")
    hand_in(client)
    again = (
        Job.objects.latest("pk")
        if Job.objects.filter(state="ready").count() > 1
        else Job.objects.get(state="ready")
    )
    page = client.get(page_of(again)).content.decode()
    assert "The same rows were handed in before" in page
    path = reverse("admin:bulk_job_confirm", args=(again.pk,))
    assert told(client.post(path, follow=True))["refused"] == ["The same rows were issued before."]
    assert Voucher.objects.count() == 1
    client.post(path, {"again": "yes"})
    assert Voucher.objects.count() == 2


def test_a_large_file_is_left_to_the_worker_and_the_page_renews_itself(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(admin_work, "AT_ONCE_BYTES", 10)
    response = hand_in(client)
    assert_strict(response)
    page = response.content.decode()
    assert 'hx-trigger="every 1s"' in page
    assert '<noscript><meta http-equiv="refresh"' in page
    work_all()
    part = client.get(page_of(Job.objects.get()), headers={"HX-Request": "true", "HX-Target": "job"})
    text = part.content.decode()
    assert text.startswith('<div id="job"')
    assert "hx-trigger" not in text
    assert "1 voucher can be issued." in text
    assert "HX-Target" in part.headers["Vary"]


def test_a_large_number_is_left_to_the_worker(client: Client, hotel: Hotel) -> None:
    offer = make_offer(hotel)
    response = client.post(page_of(offer, "issue"), {"count": 1001}, follow=True)
    assert "0 of 1001 vouchers prepared." in response.content.decode()
    work_all()
    assert "1001 vouchers were issued." in client.get(page_of(Job.objects.get())).content.decode()


def test_pressing_the_button_twice_issues_once(client: Client, hotel: Hotel) -> None:
    offer = make_offer(hotel)
    key = client.get(page_of(offer, "issue")).context["hidden"][0][1]
    for _press in range(2):
        response = client.post(page_of(offer, "issue"), {"count": 3, "form_key": key}, follow=True)
        assert told(response)["worked"] == ["3 vouchers of “Spa hour” issued."]
    assert Voucher.objects.count() == 3
    for _press in range(2):
        hand_in(client, form_key=key)
    assert Job.objects.count() == 1


@pytest.mark.parametrize("is_file", [False, True])
def test_a_list_of_holders_is_shown_with_its_repetitions_and_issued(
    client: Client, hotel: Hotel, is_file: bool
) -> None:
    offer = make_offer(hotel)
    assert_strict(client.get(page_of(offer, "issue_to")))
    text = f"{GUEST_UID}\n{OTHER_UID}\n{GUEST_UID}\n"
    data = {"file": upload(text.encode(), "list.txt")} if is_file else {"holders": text}
    page = client.post(page_of(offer, "issue_to"), data, follow=True).content.decode()
    assert "2 vouchers can be issued." in page
    assert "Line 3 is as line 1." in page
    decide(client, "confirm")
    assert set(Voucher.objects.values_list("holder_uid", flat=True)) == {GUEST_UID, OTHER_UID}


@pytest.mark.parametrize(
    "data",
    [{}, {"holders": "x" * 400_001}, {"holders": "a", "file": upload(b"b")}],
    ids=["none", "long", "two"],
)
def test_a_list_that_cannot_be_is_refused(client: Client, hotel: Hotel, data: dict[str, Any]) -> None:
    response = client.post(page_of(make_offer(hotel), "issue_to"), data)
    assert response.status_code == 422
    assert not Job.objects.exists()


def test_a_file_that_is_too_large_is_refused(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bulk.forms.MOST_UPLOADED", 10)
    assert hand_in(client).status_code == 422
    assert not Job.objects.exists()


def test_a_body_larger_than_any_file_is_not_read(client: Client, settings: Any) -> None:
    settings.STAFF_UPLOAD_MAX_SIZE = 1000
    assert hand_in(client, csv_of(*[ROW] * 100)).status_code == 400


def test_files_are_for_the_users_own_hotels(client: Client) -> None:
    make_hotel("hotel-b")
    assert hand_in(client, hotel="hotel-b").status_code == 422
    assert not Job.objects.exists()


def test_who_may_not_issue_hands_in_and_decides_nothing(client: Client, hotel: Hotel) -> None:
    offer = make_offer(hotel)
    hand_in(client)
    other = sign_in(
        make_staff(hotel, username="other", permissions=["view_job", "view_offer", "change_offer"])
    )
    assert hand_in(other).status_code == 403
    assert decide(other, "confirm").status_code == 403
    assert decide(other, "drop").status_code == 403
    assert other.post(page_of(offer, "issue_to"), {"holders": "a"}).status_code == 403
    page = other.get(page_of(Job.objects.get())).content.decode()
    assert "/confirm/" not in page
    assert Job.objects.get().state == "ready"


def test_a_job_is_thrown_away_and_reading_decides_nothing(client: Client) -> None:
    hand_in(client)
    client.get(reverse("admin:bulk_job_confirm", args=(Job.objects.get().pk,)))
    assert Job.objects.get().state == "ready"
    decide(client, "drop")
    assert Job.objects.get().state == "dropped"


@pytest.mark.parametrize(
    ("key", "page"),
    [
        *((key, page) for key in ("j-none", "x" * 300) for page in ("change", "confirm", "drop")),
        # Of a change page with NUL it is the admin that says so: see test_admin_garbage.py.
        ("a\x00b", "confirm"),
        ("a\x00b", "drop"),
    ],
)
def test_a_job_that_is_not_there_is_said_so(client: Client, page: str, key: str) -> None:
    response = client.post(f"/admin/bulk/job/{key}/{page}/".replace("\x00", "%00"), follow=True)
    assert told(response)["refused"] == ["There is no such job."]


def test_the_list_of_jobs_asks_the_same_number_of_questions_however_many(
    client: Client, django_assert_num_queries: Any
) -> None:
    hand_in(client)
    path = page_of(Job)
    client.get(path)
    with django_assert_num_queries(8):
        client.get(path)
    for _number in range(3):
        hand_in(client)
    with django_assert_num_queries(8):
        client.get(path)
