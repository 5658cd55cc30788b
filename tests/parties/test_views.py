"""The party's page over HTTP: for its members alone, cheap while nothing changes."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from bookings.models import Booking
from parties.models import Member, Party
from portal.logs import redact
from presence import store
from presence.browser import COOKIE, guest_uid_of
from tests.make import GUEST_UID, NOW, OTHER_UID, make_offer, make_voucher
from tests.web import all_tables, browser_of, fragment, words_of

pytestmark = pytest.mark.django_db
SLOT = "slot-2026-03-04T10:00:00Z"


def uid_of_browser(client: Client) -> str:
    from django.test import RequestFactory

    request = RequestFactory().get("/")
    request.COOKIES[COOKIE] = client.cookies[COOKIE].value
    return guest_uid_of(request)


def started(client: Client | None = None, name: str = "Ada") -> tuple[Client, Party]:
    client = client or Client()
    assert client.post("/party/start/", {"name": name, "size": "2"}).status_code == 302
    return client, Party.objects.latest("pk")


def joined(party: Party, host: Client, client: Client | None = None, name: str = "Bob") -> Client:
    client = client or Client()
    assert client.post("/party/join/", {"code": party.pair_code, "name": name}).status_code == 302
    asking = Member.objects.get(party=party, state="waiting")
    host.post("/party/answer/", {"member": asking.pk, "is_welcome": "on"})
    client.get("/party/")
    return client


def poll(client: Client, **headers: str) -> Any:
    page = client.get("/party/").content.decode()
    found = re.search(r'data-poll="([^"]+)"', page)
    assert found is not None
    return client.get(found[1], headers={"HX-Request": "true", **headers})


def test_a_stranger_can_start_or_join() -> None:
    page = words_of(Client().get("/party/"))
    assert "Join with a code" in page
    assert "Make a code" in page


def test_the_guest_of_a_party_is_the_guest_who_books() -> None:
    client, _party = started()
    uid = uid_of_browser(client)
    assert Member.objects.get().uid == uid
    client.get("/party/")
    assert store.online_of([uid], NOW).keys() == {uid}
    known = browser_of(GUEST_UID)
    started(known)
    assert Member.objects.latest("pk").uid == GUEST_UID


def test_the_page_shows_code_link_and_picture() -> None:
    client, party = started()
    page = client.get("/party/").content.decode()
    assert party.pair_code in page
    assert f"http://testserver/party/join/{party.pair_code}/" in page
    assert 'class="qr"' in page


def test_a_link_only_fills_the_code_in() -> None:
    _client, party = started()
    guest = Client()
    before = all_tables()
    page = guest.get(f"/party/join/{party.pair_code.lower().replace('-', '')}/").content.decode()
    assert f'value="{party.pair_code}"' in page
    assert all_tables() == before
    assert COOKIE not in guest.cookies


def test_two_meet_and_one_lets_the_other_in() -> None:
    host, party = started()
    guest = Client()
    guest.post("/party/join/", {"code": f" {party.pair_code.lower()} ", "name": "Bob"})
    assert "somebody of your party lets you in" in words_of(guest.get("/party/"))
    assert "Ada" not in words_of(guest.get("/party/"))
    assert poll(guest).status_code == 204
    assert "Bob asks to join you." in words_of(poll(host))
    asking = Member.objects.get(state="waiting")
    old_poll = re.search(r'data-poll="([^"]+)"', guest.get("/party/").content.decode())
    host.post("/party/answer/", {"member": asking.pk, "is_welcome": "on"})
    # Whoever waits is sent to another page as soon as they are in.
    answer = guest.get(old_poll[1], headers={"HX-Request": "true"})  # type: ignore[index]
    assert answer.headers["HX-Refresh"] == "true"
    assert "Your party is complete." in words_of(guest.get("/party/"))
    assert "Ada" in words_of(poll(guest))


def test_a_poll_costs_nothing_while_nothing_changes(clock: Any) -> None:
    host, party = started()
    guest = joined(party, host)
    first = poll(host)
    assert first.status_code == 200
    clock.shift(timedelta(seconds=5))
    second = poll(host, **{"If-None-Match": first.headers["ETag"]})
    assert (second.status_code, second.content) == (304, b"")
    assert second.headers["ETag"] == first.headers["ETag"]
    guest.post("/party/leave/")
    third = poll(host, **{"If-None-Match": first.headers["ETag"]})
    assert third.status_code == 200
    assert "Bob" not in words_of(third)


def test_a_poll_keeps_one_online_and_a_closed_page_takes_one_offline(clock: Any) -> None:
    host, party = started()
    guest = joined(party, host)
    for _number in range(14):
        clock.shift(timedelta(seconds=5))
        poll(host)
    assert "Bob" not in words_of(poll(host))
    assert "Bob" in words_of(poll(guest))
    assert "Bob" in words_of(poll(host))
    assert guest.post("/party/away/").status_code == 204
    assert "Bob" not in words_of(poll(host))
    # They are still of the party: their page has only been closed.
    assert "Bob" in words_of(guest.get("/party/"))
    assert Client().post("/party/away/").status_code == 204


def test_whoever_has_no_part_is_told_to_load_the_page_anew() -> None:
    answer = Client().get("/party/now/?shape=x", headers={"HX-Request": "true"})
    assert (answer.status_code, answer.headers["HX-Refresh"]) == (204, "true")


def test_a_party_books_together_over_its_pages() -> None:
    host, party = started(browser_of(GUEST_UID))
    guest = joined(party, host, browser_of(OTHER_UID))
    offer = make_offer(capacity=2)
    for client, uid in ((host, GUEST_UID), (guest, OTHER_UID)):
        voucher = make_voucher(offer, holder_uid=uid)
        page = client.get("/party/").content.decode()
        assert voucher.pk in page
        answer = client.post("/party/bring/", {"promise": voucher.pk, "email": f"{uid}@x.example"})
        assert answer.status_code == 302
    assert "brings Spa hour" in words_of(poll(host))
    looking = guest.get("/party/", {"day": "2026-03-04", "slot": SLOT}, headers=fragment("booking-panel"))
    assert looking.content.decode().lstrip().startswith('<div id="booking-panel"')
    assert "looks at Wed 4 Mar, 11:00–12:00" in words_of(poll(host))
    page = host.get("/party/", {"day": "2026-03-04", "slot": SLOT}).content.decode()
    shown = re.search(r'name="shown" value="([^"]+)"', page)
    assert shown is not None
    assert "for all 2" in page
    answer = host.post("/party/book/", {"start": SLOT, "shown": shown[1]})
    assert answer.status_code == 302
    assert Booking.objects.count() == 2
    for client in (host, guest):
        assert "Ada has booked Wed 4 Mar, 11:00–12:00 for Ada, Bob." in words_of(client.get("/party/"))
    own = Booking.objects.get(holder_uid=OTHER_UID)
    assert f"/booking/{own.pk}/" in guest.get("/party/").content.decode()
    assert guest.get(f"/booking/{own.pk}/").status_code == 200


def test_a_party_that_cannot_be_booked_is_told_why() -> None:
    host, party = started(browser_of(GUEST_UID))
    guest = joined(party, host, browser_of(OTHER_UID))
    offer = make_offer(capacity=1)
    for client, uid in ((host, GUEST_UID), (guest, OTHER_UID)):
        voucher = make_voucher(offer, holder_uid=uid)
        client.post("/party/bring/", {"promise": voucher.pk, "email": f"{uid}@x.example"})
    page = host.get("/party/", {"slot": SLOT}).content.decode()
    shown = re.search(r'name="shown" value="([^"]+)"', page)
    host.post("/party/book/", {"start": SLOT, "shown": shown[1]})  # type: ignore[index]
    for client in (host, guest):
        words = words_of(client.get("/party/"))
        assert "Ada has tried to book Wed 4 Mar, 11:00–12:00. Nobody is booked." in words
        assert "Someone else has just taken this time." in words
    assert not Booking.objects.exists()


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("start", {}, 422),
        ("start", {"name": "x" * 41, "size": "2"}, 422),
        ("start", {"name": "Ada", "size": "99"}, 422),
        ("start", {"name": "a\x00b", "size": "2"}, 422),
        ("join", {}, 422),
        ("join", {"code": "AAAA-BBBB-CCCC", "name": "Bob"}, 404),
        ("join", {"code": "x" * 65, "name": "Bob"}, 422),
        ("answer", {"member": "1", "is_welcome": "on"}, 404),
        ("answer", {"member": "x"}, 400),
        ("answer", {"member": "9" * 30}, 400),
        ("bring", {"promise": "v-x", "email": "a@x.example"}, 422),
        ("put-back", {}, 404),
        ("book", {"start": SLOT, "shown": "1"}, 404),
        ("book", {"start": "soon", "shown": "1"}, 400),
        ("book", {"start": SLOT, "shown": "1,x"}, 400),
        ("book", {"start": SLOT, "shown": "²"}, 400),
    ],
)
def test_what_is_not_well_formed_or_nobodys_changes_nothing(path: str, fields: Any, status: int) -> None:
    _host, party = started(browser_of(GUEST_UID))
    before = (list(Member.objects.values()), list(Party.objects.values()))
    for client in (Client(), browser_of(OTHER_UID)):
        answer = client.post(f"/party/{path}/", fields)
        assert answer.status_code == status
        assert party.pair_code not in answer.content.decode()
    assert (list(Member.objects.values()), list(Party.objects.values())) == before


def test_guessing_codes_is_slow() -> None:
    _host, party = started()
    statuses = [
        Client().post("/party/join/", {"code": f"AAAA-BBBB-CC{number:02}", "name": "Eve"}).status_code
        for number in range(8)
    ]
    assert statuses == [404] * 6 + [429] * 2
    # Even the right one: a guess could be lucky otherwise.
    assert Client().post("/party/join/", {"code": party.pair_code, "name": "Eve"}).status_code == 429
    assert Member.objects.count() == 1


def test_a_members_number_of_another_party_is_no_key() -> None:
    _host, party = started(browser_of(GUEST_UID))
    stranger, _other = started(browser_of(OTHER_UID), name="Eve")
    Client().post("/party/join/", {"code": party.pair_code, "name": "Bob"})
    asking = Member.objects.get(state="waiting")
    assert stranger.post("/party/answer/", {"member": asking.pk, "is_welcome": "on"}).status_code == 409
    assert Member.objects.get(pk=asking.pk).state == "waiting"
    assert "Ada" not in words_of(stranger.get("/party/"))


def test_no_log_holds_a_code() -> None:
    assert redact("GET /party/join/K7MQ-4T9X-2BWR/ 500") == "GET /party/join/…/ 500"


def test_the_form_remembers_what_a_guest_typed_last() -> None:
    host, _party = started(browser_of(GUEST_UID))
    offer = make_offer(max_per_guest=5)
    voucher = make_voucher(offer, holder_uid=GUEST_UID)
    assert "ann@x.example" not in host.get("/party/").content.decode()
    from tests.make import make_booking

    make_booking(voucher, start=NOW + timedelta(days=2, hours=2), name="Ann", email="ann@x.example")
    make_voucher(offer, holder_uid=GUEST_UID)
    assert "ann@x.example" in host.get("/party/").content.decode()
