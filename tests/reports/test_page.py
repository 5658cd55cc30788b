"""The page of figures: who sees it, what an address may say, and that all its numbers agree."""

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from bookings.domain import cancel_booking, mark_no_show
from bookings.models import Booking
from reports.coming import MOST_OFFERS as MOST_OF_WEEK
from reports.happenings import MOST_OFFERS
from tests.make import CLERK, NOW, make_booking, make_hotel, make_offer, make_voucher, make_vouchers
from tests.reports.pages import SVG, charts, figures, links, tables, told
from tests.staff import assert_strict, make_staff, sign_in, sign_in_root
from vouchers.domain import redeem_voucher
from vouchers.models import Closure, Hotel, Offer

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
NEEDED = ("view_booking", "view_voucher")
# Session, user, their permissions and their groups', hotels; then offers, journal, lead times, outcomes,
# bookings of the week, opening hours, closures, slots.
STATEMENTS = 12


@pytest.fixture
def hotel() -> Hotel:
    return make_hotel()


@pytest.fixture
def client(hotel: Hotel) -> Client:
    return sign_in(make_staff(hotel))


def book(offer: Offer, start: datetime, made: datetime = NOW) -> Booking:
    valid = {"valid_from": made - DAY, "valid_until": start + 60 * DAY}
    voucher = make_voucher(offer, now=made, **valid)
    return make_booking(voucher, start=start, now=made, holder_uid=f"g-{Booking.objects.count()}")


@pytest.fixture
def busy(hotel: Hotel) -> list[Offer]:
    """A hotel with something of everything: bookings of every outcome, many vouchers, a closed day."""
    spa = make_offer(hotel, title="Spa & sauna <hot>", capacity=4)
    tour = make_offer(hotel, title="Tour", opens=time(9), closes=time(12), capacity=2, weekdays=(0, 2, 4))
    then = NOW - 10 * DAY
    make_vouchers(spa, 12, now=then)
    made = [book(spa, NOW + day * DAY + timedelta(hours=1), then) for day in (-9, -8, -8, -3, 1, 1, 2, 3)]
    made += [book(tour, NOW + 2 * DAY), book(tour, NOW + 2 * DAY)]
    book(tour, NOW - 7 * DAY + timedelta(hours=1), then)
    cancel_booking(booking_id=made[7].pk, by=CLERK, now=NOW - DAY)
    redeem_voucher(voucher_id=made[0].voucher_id, by=CLERK, now=NOW - 9 * DAY)
    mark_no_show(booking_id=made[1].pk, by=CLERK, now=NOW - 7 * DAY)
    make_booking(make_voucher(hotel=hotel), start=NOW + DAY)
    tuesday = (NOW + DAY).date()
    Closure.objects.create(offer=spa, first_day=tuesday, last_day=tuesday, reason="Works")
    return [spa, tour]


# Who sees it


def test_whoever_is_not_signed_in_is_asked_to(hotel: Hotel) -> None:
    response = figures(Client())
    assert response.status_code == 302
    assert response.url == f"{reverse('admin:login')}?next={reverse('reports:figures')}"


@pytest.mark.parametrize("missing", NEEDED)
def test_whoever_lacks_a_permission_is_refused_and_finds_no_way_there(hotel: Hotel, missing: str) -> None:
    client = sign_in(make_staff(hotel, permissions=[name for name in NEEDED if name != missing]))
    assert figures(client).status_code == 403
    assert reverse("reports:figures") not in client.get(reverse("admin:index")).content.decode()


def test_the_two_permissions_are_enough_and_the_admin_leads_there(hotel: Hotel) -> None:
    client = sign_in(make_staff(hotel, permissions=NEEDED))
    assert f'href="{reverse("reports:figures")}"' in client.get(reverse("admin:index")).content.decode()
    assert_strict(figures(client))


def test_a_guest_is_not_let_in_by_permissions_alone(hotel: Hotel) -> None:
    user = make_staff(hotel)
    user.is_staff = False
    user.save()
    assert figures(sign_in(user)).status_code == 302


def test_it_is_only_looked_at(client: Client) -> None:
    assert client.post(reverse("reports:figures")).status_code == 405
    assert client.head(reverse("reports:figures")).status_code == 200


# Whose rows


def test_another_hotels_rows_are_never_counted(client: Client, hotel: Hotel) -> None:
    own = figures(client).content
    other = make_offer(make_hotel("hotel-b", name="Another place"), title="Theirs")
    book(other, NOW + DAY + timedelta(hours=2))
    redeem_voucher(voucher_id=make_voucher(other).pk, by=CLERK, now=NOW)
    mask = re.compile(rb'csrfmiddlewaretoken" value="[^"]+')
    assert mask.sub(b"", figures(client).content) == mask.sub(b"", own)


def test_anothers_hotel_is_refused_like_one_that_does_not_exist(client: Client) -> None:
    make_hotel("hotel-b")
    pages = [figures(client, hotel=uid) for uid in ("hotel-b", "hotel-x")]
    assert [page.status_code for page in pages] == [400, 400]
    mask = re.compile(r'csrfmiddlewaretoken" value="[^"]+|hotel-\w')
    theirs, nobodys = (mask.sub("", page.content.decode()) for page in pages)
    assert theirs == nobodys


def test_whoever_has_several_hotels_sees_all_or_one_of_them(hotel: Hotel) -> None:
    other = make_hotel("hotel-b", name="Harbour")
    client = sign_in(make_staff(hotel, other))
    for place, number in ((hotel, 2), (other, 3)):
        make_vouchers(make_offer(place), number)
    totals = [
        tables(figures(client, **query))["Vouchers and bookings"].rows["In all"][0]
        for query in ({}, {"hotel": "hotel-a"}, {"hotel": "hotel-b"})
    ]
    assert totals == ["5", "2", "3"]


def test_hotels_with_several_clocks_share_days_in_utc_and_the_page_says_so(hotel: Hotel) -> None:
    client = sign_in(make_staff(hotel, make_hotel("hotel-b", time_zone="America/New_York")))
    page = figures(client)
    assert page.context["choice"].period.zone.key == "UTC"
    assert "Days by the clock of UTC: these hotels have several clocks" in page.content.decode()
    assert "Days by the clock of America/New_York<" in figures(client, hotel="hotel-b").content.decode()


def test_superusers_see_every_hotel(busy: list[Offer]) -> None:
    make_vouchers(make_offer(make_hotel("hotel-b")), 5)
    made = tables(figures(sign_in_root()))["Vouchers and bookings"].rows["In all"][0]
    assert made == str(12 + 11 + 1 + 5)


def test_whoever_belongs_to_no_hotel_is_told_what_to_do() -> None:
    page = figures(sign_in(make_staff()))
    assert page.status_code == 200
    assert "You belong to no hotel yet" in page.content.decode()
    assert charts(page) == {}


# What an address may say


@pytest.mark.parametrize(
    ("query", "first", "last"),
    [
        ({}, date(2026, 2, 1), date(2026, 3, 2)),
        ({"period": "90"}, date(2025, 12, 3), date(2026, 3, 2)),
        ({"period": "12m"}, date(2025, 4, 1), date(2026, 3, 2)),
        ({"since": "2026-01-05", "until": "2026-01-09"}, date(2026, 1, 5), date(2026, 1, 9)),
        ({"since": "2025-01-27", "until": "2026-03-02"}, date(2025, 1, 27), date(2026, 3, 2)),
        # A preset goes with today whatever days are still in the form.
        (
            {"period": "30", "since": "2020-01-01", "until": "2020-01-02"},
            date(2026, 2, 1),
            date(2026, 3, 2),
        ),
    ],
)
def test_the_address_chooses_the_days(client: Client, query: dict[str, str], first: date, last: date) -> None:
    page = figures(client, **query)
    period = page.context["choice"].period
    assert (period.first, period.last) == (first, last)
    assert f'value="{first}"' in page.content.decode()
    assert f'value="{last}"' in page.content.decode()


def test_today_is_the_hotels_today(hotel: Hotel) -> None:
    far = make_hotel("hotel-far", time_zone="Pacific/Kiritimati")
    with time_machine.travel(datetime(2026, 3, 2, 12, tzinfo=UTC), tick=False):
        assert figures(sign_in(make_staff(far))).context["choice"].period.last == date(2026, 3, 3)


@pytest.mark.parametrize("name", ["hotel", "period", "since", "until"])
@pytest.mark.parametrize(
    "value",
    [
        "\x00",
        "nonsense",
        "9999-99-99",
        "2026-02-30",
        "-1",
        "9" * 400,
        "<script>alert(1)</script>",
        "🜁",
        "%00",
    ],
    ids=lambda value: ascii(value[:12]),
)
def test_garbage_is_refused_with_the_form_and_no_figures(client: Client, name: str, value: str) -> None:
    page = figures(client, **{"since": "2026-01-05", "until": "2026-01-09", name: value})
    assert page.status_code == 400
    assert "Part of this address could not be understood." in page.content.decode()
    assert 'name="until"' in page.content.decode()
    assert "<script>alert" not in page.content.decode()
    assert charts(page) == {}


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        ("2026-01-05", "", "Give both days, the first and the last."),
        ("", "2026-01-05", "Give both days, the first and the last."),
        ("2026-01-09", "2026-01-05", "The last day comes before the first."),
        ("2026-01-05", "2026-03-03", "Choose days up to today."),
        ("2026-01-05", "9999-12-31", "Choose days up to today."),
        ("0001-01-01", "0001-01-02", "There is nothing of so long ago."),
        ("2025-01-26", "2026-03-02", "Choose at most 400 days."),
    ],
)
def test_days_that_cannot_be_shown_are_refused_with_a_reason(
    client: Client, since: str, until: str, words: str
) -> None:
    page = figures(client, since=since, until=until)
    assert page.status_code == 400
    assert words in page.content.decode()


def test_a_parameter_that_nobody_knows_is_left_out(client: Client) -> None:
    assert figures(client, nonsense="\x00").status_code == 200


# What it shows


def test_an_empty_period_says_so_and_draws_no_chart_of_nothing(client: Client) -> None:
    page = figures(client)
    text = page.content.decode()
    for words in (
        "There is no active offer.",
        "No booking was made in this period.",
        "No slot of this period is booked.",
        "Nothing was issued, booked, redeemed, cancelled or expired in this period.",
    ):
        assert words in text
    assert charts(page) == {}
    assert all(number.words in ("0", "–") for number in (tile.number for tile in page.context["tiles"]))
    assert_strict(page)


def test_what_did_not_happen_beside_what_did_is_an_axis_without_bars(client: Client) -> None:
    make_voucher()
    chart = charts(figures(client))["Vouchers expired"]
    assert set(told(chart, "bar").values()) == {"0"}


def test_offers_that_are_too_many_for_a_chart_are_told_of(client: Client, hotel: Hotel) -> None:
    for number in range(MOST_OFFERS + 2):
        book(make_offer(hotel, title=f"Offer {number:02d}"), NOW + timedelta(hours=1))
    page = figures(client)
    assert page.content.decode().count("2 offers with fewer bookings are not shown") == 2
    assert len(tables(page)["What became of bookings"].rows) == MOST_OFFERS + 2 + 1
    assert len([name for name in charts(page) if name.startswith("Offer ")]) == MOST_OFFERS


def test_offers_that_are_too_many_for_the_week_are_told_of(client: Client, hotel: Hotel) -> None:
    for number in range(MOST_OF_WEEK + 1):
        make_offer(hotel, title=f"Offer {number:02d}", weekdays=())
    assert "1 offer is not shown: choose one hotel." in figures(client).content.decode()


def test_the_page_of_a_busy_hotel_is_strict(client: Client, busy: list[Offer]) -> None:
    page = figures(client)
    assert_strict(page)
    assert len(charts(page)) == 1 + 5 + 1 + 1 + 2
    assert "&lt;hot&gt;" in page.content.decode()
    assert "<hot>" not in page.content.decode()


def test_the_charts_over_time_say_what_their_table_says(client: Client, busy: list[Offer]) -> None:
    page = figures(client)
    table, drawn = tables(page)["Vouchers and bookings"], charts(page)
    for place, name in enumerate(table.columns[1:]):
        said = told(drawn[name], "bar")
        assert len(said) == 30
        assert said == {head: row[place] for head, row in table.rows.items() if head != "In all"}
        assert sum(map(int, said.values())) == int(table.rows["In all"][place])


def test_the_charts_over_time_are_right(client: Client, busy: list[Offer]) -> None:
    rows = tables(figures(client))["Vouchers and bookings"].rows
    assert rows["Fri, 20 Feb 2026"] == ["21", "9", "0", "0", "0"]
    assert rows["Sat, 21 Feb 2026"] == ["0", "0", "1", "0", "0"]
    assert rows["Sun, 1 Mar 2026"] == ["0", "0", "0", "1", "0"]
    assert rows["Mon, 2 Mar 2026"] == ["3", "3", "0", "0", "0"]
    assert rows["In all"] == ["24", "12", "1", "1", "0"]


def test_the_heat_maps_say_what_their_tables_say(client: Client, busy: list[Offer]) -> None:
    page = figures(client)
    drawn, read = charts(page), tables(page)
    days = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
    for name in ("Spa & sauna <hot>", "Tour"):
        rows = read[f"{name}: bookings by weekday and hour"].rows
        said = {
            f"{day}, {hour}": number
            for hour, row in rows.items()
            for day, number in zip(days, row, strict=True)
            if hour != "In all" and number != "0"
        }
        assert told(drawn[name], "heat-") == said
        assert [sum(map(int, column)) for column in zip(*list(rows.values())[:-1], strict=True)] == [
            int(number) for number in rows["In all"]
        ]
    assert read["Spa & sauna <hot>: bookings by weekday and hour"].rows["10:00–11:00"] == list("0000112")
    assert read["Tour: bookings by weekday and hour"].rows["10:00–11:00"] == list("1000000")


def test_what_became_of_bookings_is_told_alike_in_chart_and_table(client: Client, busy: list[Offer]) -> None:
    page = figures(client)
    table = tables(page)["What became of bookings"]
    assert table.columns == [
        "Offer",
        "Made",
        "Redeemed",
        "Still to come",
        "Over, nothing noted",
        "Cancelled",
        "Share",
        "Not come",
        "Share",
    ]
    assert table.rows["Spa & sauna <hot>"] == ["8", "1", "3", "2", "1", "12%", "1", "12%"]
    assert table.rows["Tour"] == ["3", "0", "2", "1", "0", "0%", "0", "0%"]
    assert table.rows["All bookings"] == ["12", "1", "6", "3", "1", "8%", "1", "8%"]
    said = told(charts(page)["What became of bookings"], "part-")
    for offer, row in table.rows.items():
        for column, number in zip(table.columns[1:], row, strict=True):
            if column not in ("Made", "Share") and number != "0":
                assert said.pop(f"{offer}, {column}").split()[0] == number
    assert said == {}


def test_lead_times_are_told_alike_in_chart_and_table(client: Client, busy: list[Offer]) -> None:
    page = figures(client)
    rows = dict(tables(page)["How early guests book"].rows)
    assert rows.pop("In all") == ["12", ""]
    said = told(charts(page)["How early guests book"], "bar")
    assert {band: number.split()[0] for band, number in said.items()} == {
        band: row[0] for band, row in rows.items()
    }
    assert {band: row[0] for band, row in rows.items() if row[0] != "0"} == {
        "1–2 days": "2",
        "2–4 days": "5",
        "7–14 days": "5",
    }
    # Of twelve the sixth and the seventh: two days and an hour, three days and an hour.
    assert "Median: 2 days 13 hrs" in page.content.decode()


def test_the_coming_week_is_told_alike_in_chart_and_table(client: Client, busy: list[Offer]) -> None:
    page = figures(client)
    table = tables(page)["Hotel hotel-a: booked places out of places offered"]
    assert table.columns[:3] == ["Offer", "Mon 2 Mar", "Tue 3 Mar"]
    assert table.rows["Spa & sauna <hot>"] == ["0/32", "2/0", "1/32", "0/32", "0/32", "0/32", "0/32"]
    assert table.rows["Tour"] == ["0/6", "–", "2/6", "–", "0/6", "–", "–"]
    said = told(charts(page)["Hotel hotel-a"], "load-")
    for offer, row in table.rows.items():
        for day, words in zip(table.columns[1:], row, strict=True):
            assert said.pop(f"{offer}, {day}") == words
    assert said == {}
    assert "More booked than offered now" in page.content.decode()


@pytest.mark.parametrize("period", ["30", "12m"])
def test_every_number_leads_to_a_list_of_as_many_rows(client: Client, busy: list[Offer], period: str) -> None:
    page = figures(client, period=period)
    found = links(page)
    assert len(found) > 20
    for address, words in set(found):
        answer = client.get(address)
        assert answer.status_code == 200, address
        if not words.endswith("%"):
            number = re.match(r"[\d,]+", words)
            assert number is not None
            assert answer.context["cl"].result_count == int(number[0].replace(",", "")), (words, address)


def test_the_numbers_of_one_hotel_of_several_lead_to_its_own_rows(hotel: Hotel, busy: list[Offer]) -> None:
    other = make_hotel("hotel-b", time_zone="America/New_York")
    book(make_offer(other), NOW + DAY + timedelta(hours=8))
    client = sign_in(make_staff(hotel, other))
    for query in ({}, {"hotel": "hotel-b"}):
        for address, words in set(links(figures(client, **query))):
            number = re.match(r"[\d,]+(?!.*%)", words)
            if number:
                assert client.get(address).context["cl"].result_count == int(number[0]), (words, address)


def test_whoever_may_not_read_the_journal_is_not_led_there(hotel: Hotel, busy: list[Offer]) -> None:
    page = figures(sign_in(make_staff(hotel, permissions=NEEDED)))
    assert links(page)
    assert not any("/events/" in address for address, _words in links(page))


@pytest.mark.parametrize("language", ["de", "nl"])
def test_it_is_written_in_the_readers_language_with_its_numbers(
    client: Client, busy: list[Offer], language: str
) -> None:
    make_vouchers(busy[0], 1000)
    page = client.get(reverse("reports:figures"), headers={"accept-language": language})
    assert_strict(page)
    assert "1.0" in next(tile.number.words for tile in page.context["tiles"])
    assert len(charts(page)) == 10


# What it costs


def test_the_page_asks_as_much_of_the_database_for_one_row_as_for_many(
    client: Client, hotel: Hotel, django_assert_num_queries: Any
) -> None:
    offer = make_offer(hotel, capacity=30)
    book(offer, NOW + DAY + timedelta(hours=2))
    with django_assert_num_queries(STATEMENTS):
        assert figures(client).status_code == 200
    for number in range(25):
        book(offer, NOW + (number % 5 + 1) * DAY + timedelta(hours=number % 6 + 1))
    make_vouchers(make_offer(hotel), 50)
    for period in ("30", "12m"):
        with django_assert_num_queries(STATEMENTS):
            assert figures(client, period=period).status_code == 200


def test_columns_of_the_busiest_day_are_the_tallest(client: Client, busy: list[Offer]) -> None:
    chart = charts(figures(client))["Vouchers issued"]
    bars = [box for box in chart.iter(f"{SVG}rect") if (box.get("class") or "").startswith("bar")]
    tallest = max(bars, key=lambda box: float(box.get("height", "")))
    assert tallest.findtext(f"{SVG}title") == "Fri, 20 Feb 2026: 21"
