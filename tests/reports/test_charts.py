"""Charts: well-formed, true to their numbers, and safe with any words."""

from xml.etree import ElementTree as ET

import pytest

from reports import charts
from reports.svg import Drawing, shortened, width_of

HOSTILE = "<b>\"Spa\" & 'sauna'</b>"
SVG = "{http://www.w3.org/2000/svg}"


def drawn(drawing: Drawing) -> ET.Element:
    return ET.fromstring(drawing.svg())


def boxes(drawing: Drawing, css: str) -> list[dict[str, float]]:
    """Return the geometry of the boxes of a class, in order."""
    return [
        {name: float(box.get(name, "")) for name in ("x", "y", "width", "height")}
        for box in drawn(drawing).iter(f"{SVG}rect")
        if css in (box.get("class") or "").split()
    ]


def texts(drawing: Drawing) -> list[str]:
    return [text.text or "" for text in drawn(drawing).iter(f"{SVG}text")]


def bars(*values: int) -> list[charts.Bar]:
    return [charts.Bar(f"day {value}", value, f"on {value}", number=str(value)) for value in values]


def columns(*values: int) -> Drawing:
    ticks = {tick: str(tick) for tick in charts.scale(max(values))}
    return charts.columns("c", "Made", "In words", bars(*values), ticks)


def all_charts(words: str) -> list[Drawing]:
    """Every kind of chart, with the same words wherever words can be."""
    ticks = {0: words, 1: words}
    share = charts.Share(3, "part-redeemed", words, words)
    place = charts.Place(1, 2, words, words)
    return [
        charts.columns("a", words, words, [charts.Bar(words, 1, words)], ticks),
        charts.rows("b", words, words, [charts.Bar(words, 1, words, number=words)]),
        charts.stacks("c", words, words, [charts.Stack(words, words, [share])]),
        charts.heat_map("d", words, words, {(0, 0): (1, words)}, [words] * 7, {1: words}),
        charts.week("e", words, words, [(words, words)] * 7, [(words, [place] * 7)]),
    ]


@pytest.mark.parametrize("number", range(5))
def test_every_chart_is_a_named_picture_that_is_well_formed_whatever_its_words(number: int) -> None:
    drawing = all_charts(HOSTILE)[number]
    picture = drawn(drawing)
    title, desc = picture.find(f"{SVG}title"), picture.find(f"{SVG}desc")
    assert picture.get("role") == "img"
    assert title is not None
    assert desc is not None
    assert title.text == desc.text == HOSTILE
    assert picture.get("aria-labelledby") == f"{title.get('id')} {desc.get('id')}"
    assert "<b>" not in drawing.svg()
    assert "style" not in drawing.svg()


@pytest.mark.parametrize("number", range(5))
def test_nothing_is_drawn_outside_a_chart(number: int) -> None:
    drawing = all_charts("Words")[number]
    assert drawing.width == charts.WIDTH
    for box in boxes(drawing, "bar") + boxes(drawing, "heat-5") + boxes(drawing, "load-part"):
        assert 0 <= box["x"] <= box["x"] + box["width"] <= drawing.width
        assert 0 <= box["y"] <= box["y"] + box["height"] <= drawing.height


def test_columns_are_as_tall_as_their_numbers_from_zero() -> None:
    found = boxes(columns(0, 5, 10, 20), "bar")
    tall = [box["height"] for box in found]
    assert tall[0] == 0
    assert tall[2] == pytest.approx(2 * tall[1], abs=0.02)
    assert tall[3] == pytest.approx(4 * tall[1], abs=0.02)
    feet = {round(box["y"] + box["height"], 1) for box in found}
    assert len(feet) == 1


def test_columns_of_nothing_stand_on_an_axis_that_begins_at_zero() -> None:
    assert [box["height"] for box in boxes(columns(0, 0), "bar")] == [0, 0]
    assert "0" in texts(columns(0, 0))


@pytest.mark.parametrize(
    ("most", "ticks"),
    [
        (0, [0, 1]),
        (1, [0, 1]),
        (3, [0, 1, 2, 3]),
        (5, [0, 2, 4, 6]),
        (9, [0, 5, 10]),
        (21, [0, 10, 20, 30]),
        (99, [0, 50, 100]),
        (101, [0, 50, 100, 150]),
        (1000, [0, 500, 1000]),
    ],
)
def test_scales_have_few_round_numbers(most: int, ticks: list[int]) -> None:
    assert charts.scale(most) == ticks


def test_scales_reach_their_most_and_no_further_than_needed() -> None:
    for most in range(1, 5000):
        found = charts.scale(most)
        assert found[-2] < most <= found[-1]
        assert 2 <= len(found) <= 5


def test_labels_below_many_columns_do_not_run_into_each_other() -> None:
    ticks = {0: "0", 1: "1"}
    drawing = charts.columns("c", "T", "D", [charts.Bar(f"{day} Mar", 1, "") for day in range(1, 32)], ticks)
    labels = [text for text in drawn(drawing).iter(f"{SVG}text") if "Mar" in (text.text or "")]
    ends = [
        (float(label.get("x", "")) + side * width_of(label.text or "", 10.5) / 2)
        for label in labels
        for side in (-1, 1)
    ]
    assert len(labels) > 3
    assert ends == sorted(ends)
    assert ends[-1] <= charts.WIDTH


def test_rows_are_as_long_as_their_numbers() -> None:
    long = [box["width"] for box in boxes(charts.rows("r", "T", "D", bars(10, 5, 0)), "bar")]
    assert long[0] == pytest.approx(2 * long[1], abs=0.02)
    assert long[2] == 0


def test_the_parts_of_a_whole_fill_it_in_their_proportions() -> None:
    shares = [charts.Share(6, "part-a", "60%", "A"), charts.Share(0, "part-b", "0%", "B")]
    shares.append(charts.Share(4, "part-c", "40%", "C"))
    drawing = charts.stacks("s", "T", "D", [charts.Stack("All", "10", shares)])
    assert [box["width"] for box in boxes(drawing, "part-a")] == [pytest.approx(204)]
    assert boxes(drawing, "part-b") == []
    assert boxes(drawing, "part-c")[0]["x"] == pytest.approx(204)
    assert "60%" in texts(drawing)


def test_a_part_too_small_for_its_words_has_none() -> None:
    shares = [charts.Share(99, "part-a", "99%", "A"), charts.Share(1, "part-c", "1%", "C")]
    drawing = charts.stacks("s", "T", "D", [charts.Stack("All", "100", shares)])
    assert "99%" in texts(drawing)
    assert "1%" not in texts(drawing)


def test_a_whole_of_nothing_is_drawn_without_parts() -> None:
    drawing = charts.stacks("s", "T", "D", [charts.Stack("All", "0", [charts.Share(0, "part-a", "–", "A")])])
    assert boxes(drawing, "part-a") == []


def test_the_ranges_of_a_heat_map_are_those_that_its_colours_have() -> None:
    for most in range(1, 300):
        ranges = charts.heat_ranges(most)
        assert ranges[0][1] == 1
        assert ranges[-1][2] == most
        for level, least, last in ranges:
            assert {charts.heat_level(number, most) for number in range(least, last + 1)} == {level}


def test_a_heat_map_puts_each_hour_into_its_field() -> None:
    cells = {(0, 0): (1, "Monday at midnight"), (6, 23): (5, "Sunday's last hour")}
    drawing = charts.heat_map("h", "T", "D", cells, ["Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"], {})
    first, last = boxes(drawing, "heat-1")[0], boxes(drawing, "heat-5")[0]
    assert last["x"] - first["x"] == pytest.approx(23 * first["width"], abs=0.2)
    assert last["y"] - first["y"] == pytest.approx(6 * first["height"])
    assert last["x"] + last["width"] == pytest.approx(charts.WIDTH, abs=0.05)


@pytest.mark.parametrize(
    ("booked", "offered", "css", "part"),
    [(1, 4, "load-part", 0.25), (4, 4, "load-full", 1), (5, 4, "load-over", 1), (2, 0, "load-over", 1)],
)
def test_a_day_is_filled_as_far_as_it_is_booked(booked: int, offered: int, css: str, part: float) -> None:
    place = charts.Place(booked, offered, f"{booked}/{offered}", "")
    drawing = charts.week("w", "T", "D", [("Mon", "2 Mar")], [("Spa", [place])])
    (box,) = boxes(drawing, css)
    assert box["width"] == pytest.approx(part * (charts.WIDTH - 4))
    assert f"{booked}/{offered}" in texts(drawing)


def test_a_closed_day_is_not_filled() -> None:
    drawing = charts.week("w", "T", "D", [("Mon", "2 Mar")], [("Spa", [charts.Place(0, 0, "–", "")])])
    assert boxes(drawing, "load-closed") != []
    assert [box["width"] for box in boxes(drawing, "load-part")] == [0]


def test_names_too_long_for_their_place_are_cut_with_an_ellipsis() -> None:
    assert shortened("Spa", 100, 11) == "Spa"
    assert shortened("Breakfast in the library", 70, 11) == "Breakfast…"
