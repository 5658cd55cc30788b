"""What is drawn: read back from the files, without a database."""

import tracemalloc
from io import BytesIO
from itertools import pairwise
from threading import Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from printing.day_sheet import day_pdf
from printing.letters import SANS, SERIF, draw, drawable, lines, load_fonts, width_of
from printing.sheets import tickets_pdf
from printing.ticket import WIDTH
from printing.words import DayLine, DaySheet, Paper, Ticket
from tests.printing.reading import codes_of, make_ticket, modules_of, pages_of, places_of

load_fonts()
LONG = {
    "hotel": "W" * 120,
    "address": "A" * 250,
    "contact": "c" * 300,
    "service": "S" * 60,
    "title": "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz " * 2,
    "text": "x" * 2000,
    "when": ("w" * 80, "v" * 80),
    "facts": tuple((f"name {number}" * 9, f"words of {number} " * 30) for number in range(4)),
    "terms": ("T" * 4000, "all the rest " * 200),
    "about": ("a" * 300, "https://" + "b" * 200),
    "stamp": "Expired " * 20,
    "id": "v-" + "0" * 38,
}


def drawn(*tickets: Ticket, paper: Paper = Paper.A6, language: str = "en") -> bytes:
    return b"".join(tickets_pdf(tickets, paper=paper, title="Vouchers", author="Hotel", language=language))


def test_a_voucher_says_all_that_it_is_in_the_order_in_which_it_is_read() -> None:
    (words,) = pages_of(drawn(make_ticket(when=("Sunday", "10:00–11:00"), stamp="Expired")))
    assert words == (
        "Hotel Keizershof Keizersgracht 410, 1016 GC Amsterdam +31 20 555 0123 SPA Spa hour "
        "Sunday 10:00–11:00 Sauna, steam bath and a quiet room. Length 1 hr Price Included "
        "Valid until Christmas Age: 16 and over Expired Show this at the front desk. v-mhx1a2b0-abcd1efl0ijk"
    )


@pytest.mark.parametrize(
    ("paper", "number", "pages", "size"),
    [
        (Paper.A6, 3, 3, (298, 420)),
        (Paper.A5, 3, 3, (420, 595)),
        (Paper.A4, 4, 1, (595, 842)),
        (Paper.A4, 5, 2, (595, 842)),
        (Paper.A4, 1, 1, (595, 842)),
    ],
)
def test_vouchers_fill_pages_of_their_paper(
    paper: Paper, number: int, pages: int, size: tuple[int, int]
) -> None:
    data = drawn(*(make_ticket(id=f"v-{place}") for place in range(number)), paper=paper)
    reader = PdfReader(BytesIO(data), strict=True)
    assert len(reader.pages) == pages
    assert {(round(page.mediabox.width), round(page.mediabox.height)) for page in reader.pages} == {size}
    words = " ".join(pages_of(data))
    assert all(f"v-{place}" in words for place in range(number))


def test_no_voucher_makes_an_empty_page_since_no_reader_opens_a_file_without_one() -> None:
    assert pages_of(drawn()) == [""]


def test_the_file_names_its_language_and_title_and_is_printed_in_its_size() -> None:
    reader = PdfReader(BytesIO(drawn(make_ticket(), language="nl")))
    root = reader.trailer["/Root"].get_object()
    assert root["/Lang"] == "nl"
    assert root["/ViewerPreferences"]["/PrintScaling"] == "/None"
    assert reader.metadata is not None
    assert reader.metadata.title == "Vouchers"


@pytest.mark.parametrize("paper", Paper)
def test_the_code_that_is_drawn_is_the_one_that_was_signed(paper: Paper) -> None:
    signed = [f"v-{number}:{'AbC_-' * 8}xyz" for number in range(3)]
    assert codes_of(drawn(*(make_ticket(code=code) for code in signed), paper=paper)) == [
        modules_of(code) for code in signed
    ]


def test_without_a_code_none_is_drawn() -> None:
    assert codes_of(drawn(make_ticket())) == []


@pytest.mark.parametrize(
    "text",
    [
        "Grüße aus Zürich, Größe ẞ",
        "Ελλάς, Ξενοδοχείο Ἀθῆναι",
        "Київ, Ђорђе, Ѳеодоръ",
        "Đặng Thị Nguyễn, Łódź, Șerban, İstanbul",
        "€ 89,00 – £5 ₴20 “so” ‘so’ …",
        "Grand Hôtel ★★★★★",
        "UTC−3:30, ½, 20 °C ✓ → Spa",
    ],
)
def test_letters_of_latin_greek_and_cyrillic_survive(text: str) -> None:
    (words,) = pages_of(drawn(make_ticket(title=text, hotel=text, text=text)))
    assert words.count(text) == 3


def test_every_letter_of_latin_greek_and_cyrillic_has_a_shape() -> None:
    blocks = ((0x20, 0x24F), (0x386, 0x3E1), (0x400, 0x482), (0x48A, 0x52F), (0x1E00, 0x1EFF))
    letters = [chr(code) for first, last in blocks for code in range(first, last + 1)]
    shown = [letter for letter in letters if letter.isprintable() and letter.strip()]
    assert [letter for letter in shown if "�" in drawable(letter)] == []
    assert len(shown) > 1100


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("温泉 スパ", "� �"),
        ("שלום", "�"),
        ("← ★ ☃", "� ★ �"),
        ("Spa 👩‍👩‍👧!", "Spa �!"),
        ("a\x00b\tc\r\nd", "a b c d"),
        ("Rind\u00adfleisch \u202egnirts\u202c", "Rindfleisch gnirts"),
        ("e\u0301\ufe0f", "é"),
        ("89\u202f€", "89\u00a0€"),
        ("\ud800", "�"),
        ("", ""),
    ],
)
def test_what_has_no_shape_is_shown_as_such_and_what_is_no_sign_goes(text: str, expected: str) -> None:
    assert drawable(text) == expected


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=120), st.floats(10, 200), st.integers(1, 5))
def test_lines_are_never_wider_than_their_room_nor_more_than_wanted(
    text: str, width: float, most: int
) -> None:
    found = lines(text, SERIF, 9, width, most)
    assert len(found) <= most
    assert all(width_of(line, SERIF, 9) <= width or len(line) <= 2 for line in found)
    if len(found) < most:
        assert "".join(found).replace(" ", "") == drawable(text).replace(" ", "")


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=300))
def test_any_text_that_can_be_typed_can_be_printed(text: str) -> None:
    ticket = make_ticket(hotel=text, title=text, text=text, terms=(text,), facts=((text, text),), id=text)
    assert len(pages_of(drawn(ticket))) == 1


def test_of_long_texts_nothing_leaves_the_frame_and_no_two_lines_meet() -> None:
    for code in ("", "v-1:" + "x" * 43):
        places = places_of(drawn(make_ticket(**LONG, code=code)))
        assert len(places) > 25
        for text, x, y, size in places:
            assert x > 17
            assert x + width_of(text, SERIF if size > 9 else SANS, size) < WIDTH - 17
            assert y > 17
        heights = sorted({round(y, 1) for _text, _x, y, _size in places}, reverse=True)
        sizes = {round(y, 1): size for _text, _x, y, size in places}
        for above, below in pairwise(heights):
            assert above - below >= sizes[below] * 0.95, (above, below)


def test_a_long_id_is_smaller_rather_than_cut() -> None:
    (words,) = pages_of(drawn(make_ticket(**LONG, code="v-1")))
    assert LONG["id"] in words


def test_words_stay_whole_where_they_fit() -> None:
    assert lines("Dinner for two by the canal", SANS, 10, 80, 3) == ("Dinner for two", "by the canal")
    assert lines("Dinner for two by the canal.", SANS, 10, 80, 1) == ("Dinner for two…",)
    assert lines("see https://example.org/a-long-way", SANS, 10, 90, 3)[0] == "see https://"


def test_letters_that_stand_apart_stay_in_the_middle() -> None:
    class Canvas:
        places: list[float] = []

        def setFont(self, *_args: object) -> None:  # noqa: N802
            pass

        def drawString(self, x: float, *_args: object, **_named: object) -> None:  # noqa: N802
            self.places.append(x)

    draw(Canvas(), 100, 0, "SPA ★ SPA", SANS, 6, at=0.5, spacing=1)
    left = Canvas.places[0]
    assert left == pytest.approx(100 - (width_of("SPA ★ SPA", SANS, 6) + 8) / 2)
    assert len(Canvas.places) == 3


def test_memory_stays_flat_however_many_are_printed() -> None:
    def peak(number: int) -> int:
        tracemalloc.start()
        try:
            tickets = (make_ticket(id=f"v-{place}") for place in range(number))
            parts = tickets_pdf(tickets, paper=Paper.A6, title="Vouchers", author="Hotel", language="en")
            assert sum(map(len, parts)) > 1000 * number
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)
    # What stays of a page is its place in the file, a page that was drawn is five times as much.
    assert peak(300) - peak(50) < 250 * 1500


def test_a_file_begins_before_the_last_voucher_is_read() -> None:
    read: list[int] = []

    def tickets() -> object:
        for place in range(3):
            read.append(place)
            yield make_ticket()

    parts = tickets_pdf(tickets(), paper=Paper.A6, title="Vouchers", author="Hotel", language="en")
    assert next(parts).startswith(b"%PDF-")
    assert read == [0]


def test_two_are_drawn_at_once_without_mixing_their_letters() -> None:
    found: dict[str, list[str]] = {}

    def print_one(text: str) -> None:
        found[text] = [pages_of(drawn(make_ticket(title=text)))[0] for _each in range(6)]

    texts = ["Ελληνικά γράμματα", "Українські літери", "Łódź Đặng Þór"]
    threads = [Thread(target=print_one, args=(text,)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(len(found[text]) == 6 and all(text in page for page in found[text]) for text in texts)


def make_day(*day_lines: DayLine) -> DaySheet:
    return DaySheet(
        hotel="Hotel Keizershof",
        day="Thursday, 3 December 2026",
        summary="2 bookings",
        printed="As of Tue 24 Nov, 02:38",
        nothing="Nothing is booked on this day.",
        headings=("Time", "Guest", "What", "Length", "Note", "Arrived", "Status"),
        lines=day_lines,
    )


def make_line(**overrides: object) -> DayLine:
    fields: dict[str, object] = {
        "time": "10:00–11:00",
        "guest": "Ann Visser",
        "what": "Spa hour",
        "length": "1 hr",
        "note": "",
        "arrived": "09:50",
        "status": "Booked",
        "is_cancelled": False,
    }
    return DayLine(**{**fields, **overrides})  # type: ignore[arg-type]


def test_a_day_says_on_each_page_whose_it_is_and_how_many_there_are() -> None:
    sheet = make_day(*(make_line(guest=f"Guest {number}", note="n " * 60) for number in range(40)))
    pages = pages_of(b"".join(day_pdf(sheet, language="en")))
    assert len(pages) > 2
    for number, words in enumerate(pages, start=1):
        assert "Hotel Keizershof Thursday, 3 December 2026" in words
        assert "Time Guest What Length Note Arrived Status" in words
        assert f"{number} / {len(pages)}" in words
    text = " ".join(pages)
    assert all(f"Guest {number} " in text for number in range(40))


def test_a_booking_of_the_day_has_a_box_to_tick_unless_it_was_cancelled() -> None:
    def boxes(*day_lines: DayLine) -> int:
        data = b"".join(day_pdf(make_day(*day_lines), language="en"))
        return PdfReader(BytesIO(data)).pages[0].get_contents().get_data().count(b" re ")  # type: ignore[union-attr]

    assert boxes(make_line(), make_line(), make_line(is_cancelled=True)) == boxes() + 2


def test_the_longest_note_of_a_guest_is_printed_whole() -> None:
    note = "Rindfleischetikettierung" * 20
    (words,) = pages_of(b"".join(day_pdf(make_day(make_line(note=note)), language="en")))
    assert note in words.replace(" ", "")


def test_a_day_without_bookings_says_so() -> None:
    (words,) = pages_of(b"".join(day_pdf(make_day(), language="en")))
    assert "Nothing is booked on this day." in words
