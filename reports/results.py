"""The sections of what became of bookings, how early they are made, and how full the coming week is."""

from collections.abc import Mapping
from datetime import date

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from bookings.wallclock import day_bounds
from reports import charts, words
from reports.coming import Coming, HotelWeek, Load
from reports.forms import Choice
from reports.happenings import MOST_OFFERS, left_out_words, offer_words
from reports.links import Links, Span
from reports.queries import Lead, OfferKey, Outcome
from reports.shapes import Cell, Chart, Mark, Row, Section, Table
from vouchers.models import Offer

NAMES = {
    Outcome.REDEEMED: gettext_lazy("Redeemed"),
    Outcome.COMING: gettext_lazy("Still to come"),
    Outcome.UNTOLD: gettext_lazy("Over, nothing noted"),
    Outcome.CANCELLED: gettext_lazy("Cancelled"),
    Outcome.NO_SHOW: gettext_lazy("Not come"),
}
# What a hotel would rather have less of is told with its share.
_LOST = (Outcome.CANCELLED, Outcome.NO_SHOW)
Outcomes = Mapping[OfferKey, Mapping[Outcome, int]]


def total_of(outcomes: Outcomes, *wanted: Outcome) -> int:
    """Return how many bookings became one of the wanted; all of them when none is named."""
    return sum(
        number
        for counts in outcomes.values()
        for outcome, number in counts.items()
        if not wanted or outcome in wanted
    )


def bookings_words(number: int) -> str:
    """Return a number of bookings."""
    text = ngettext("%(number)s booking", "%(number)s bookings", number)
    return text % {"number": words.number_words(number)}


def outcome_section(outcomes: Outcomes, choice: Choice, offers: Mapping[str, Offer], links: Links) -> Section:
    """Show what became of the bookings that were made, for all and for each offer."""
    busiest = sorted(
        outcomes.items(), key=lambda each: (-sum(each[1].values()), offer_words(each[0], choice, offers))
    )
    says = [_("Of the bookings that were made in the period, whenever their slot is.")]
    if not busiest:
        return Section(
            "outcome", _("What became of bookings"), says, empty=_("No booking was made in this period.")
        )
    says += left_out_words(len(busiest) - MOST_OFFERS)
    whole = {outcome: total_of(outcomes, outcome) for outcome in Outcome}
    stacks = [_stack(_("All bookings"), whole)]
    stacks += [_stack(offer_words(key, choice, offers), counts) for key, counts in busiest[:MOST_OFFERS]]
    made = sum(whole.values())
    said = _("%(bookings)s: %(parts)s.") % {
        "bookings": bookings_words(made),
        "parts": ", ".join(f"{name} {words.share_words(whole[each], made)}" for each, name in NAMES.items()),
    }
    title = _("What became of bookings")
    svg = charts.stacks("outcome-all", title, said, stacks).svg()
    total = Cell(bookings_words(made), links.made((choice.period.since, choice.period.until)))
    return Section(
        "outcome",
        title,
        says,
        [Chart(_("By offer"), total, svg)],
        _outcome_table(busiest, whole, choice, offers, links),
        [Mark(f"part-{each.value}", str(name)) for each, name in NAMES.items()],
    )


def _stack(label: str, counts: Mapping[Outcome, int]) -> charts.Stack:
    made = sum(counts.values())
    shares = [
        charts.Share(
            counts.get(outcome, 0),
            f"part-{outcome.value}",
            words.share_words(counts.get(outcome, 0), made),
            f"{label}, {name}: {words.number_words(counts.get(outcome, 0))}"
            f" ({words.share_words(counts.get(outcome, 0), made)})",
        )
        for outcome, name in NAMES.items()
    ]
    return charts.Stack(label, words.number_words(made), shares)


def _outcome_table(
    busiest: list[tuple[OfferKey, Mapping[Outcome, int]]],
    whole: Mapping[Outcome, int],
    choice: Choice,
    offers: Mapping[str, Offer],
    links: Links,
) -> Table:
    columns = [_("Offer"), _("Made")]
    for outcome, name in NAMES.items():
        columns += [str(name), _("Share")] if outcome in _LOST else [str(name)]
    rows = [
        Row(offer_words(key, choice, offers), _outcome_cells(counts, choice, links, key))
        for key, counts in busiest
    ]
    rows.append(Row(_("All bookings"), _outcome_cells(whole, choice, links, None), is_total=True))
    return Table(_("What became of bookings"), columns, rows)


def _outcome_cells(
    counts: Mapping[Outcome, int], choice: Choice, links: Links, key: OfferKey | None
) -> list[Cell]:
    span = (choice.period.since, choice.period.until)
    made = sum(counts.values())
    cells = [Cell(words.number_words(made), links.made(span, key))]
    for outcome in NAMES:
        number = counts.get(outcome, 0)
        cells.append(Cell(words.number_words(number), links.made(span, key, outcome) if number else ""))
        if outcome in _LOST:
            cells.append(Cell(words.share_words(number, made)))
    return cells


def lead_section(lead: Lead, choice: Choice, links: Links) -> Section:
    """Show how long before their slot bookings are made."""
    title = _("How early guests book")
    says = [
        _(
            "Time from booking to slot, of the bookings that were made in the period. "
            "The bands are not of equal length; the one that stands out holds the median."
        )
    ]
    if lead.median is None:
        return Section("lead", title, says, empty=_("No booking was made in this period."))
    median = _("Median: %(length)s") % {"length": words.length_words(lead.median)}
    reached = 0
    bars, rows = [], []
    for place, count in enumerate(lead.bands):
        holds_median = reached < (lead.total + 1) // 2 <= reached + count
        reached += count
        name, share = words.band_words(place), words.share_words(count, lead.total)
        number = f"{words.number_words(count)} ({share})" if count else "0"
        css = "bar bar-strong" if holds_median else "bar"
        bars.append(charts.Bar(name, count, f"{name}: {number}", css, number))
        rows.append(Row(name, [Cell(words.number_words(count)), Cell(share)]))
    rows.append(Row(_("In all"), [Cell(words.number_words(lead.total)), Cell("")], is_total=True))
    said = f"{median}. {bookings_words(lead.total)}."
    svg = charts.rows("lead-all", title, said, bars).svg()
    total = Cell(bookings_words(lead.total), links.made((choice.period.since, choice.period.until)))
    table = Table(title, [_("Before the slot"), _("Bookings"), _("Share")], rows)
    return Section("lead", title, says, [Chart(median, total, svg)], table)


def week_section(coming: Coming, links: Links) -> Section:
    """Show how full each offer is over the coming week, a chart for each hotel."""
    says = [
        _(
            "Booked places out of places offered, today and the six days after it, by each hotel’s own "
            "clock. Of slots that overlap, as many are counted as fit one after the other."
        )
    ]
    if coming.left_out:
        says.append(
            ngettext(
                "%(number)d offer is not shown: choose one hotel.",
                "%(number)d offers are not shown: choose one hotel.",
                coming.left_out,
            )
            % {"number": coming.left_out}
        )
    shown = [_week_chart(f"week-{place}", week, links) for place, week in enumerate(coming.weeks)]
    legend = [
        Mark("load-part", _("Booked")),
        Mark("load-full", _("Fully booked")),
        Mark("load-none", _("Free")),
    ]
    if any(
        booked > offered for week in coming.weeks for load in week.loads for booked, offered in _pairs(load)
    ):
        legend.append(Mark("load-over", _("More booked than offered now")))
    empty = "" if shown else _("There is no active offer.")
    return Section("week", _("The next 7 days"), says, shown, legend=legend if shown else [], empty=empty)


def _pairs(load: Load) -> list[tuple[int, int]]:
    return list(zip(load.booked, load.offered, strict=True))


def _place_words(booked: int, offered: int) -> str:
    return f"{words.number_words(booked)}/{words.number_words(offered)}" if booked or offered else "–"


def _week_chart(key: str, week: HotelWeek, links: Links) -> Chart:
    days = [words.weekday_and_day(day) for day in week.days]
    booked = sum(sum(load.booked) for load in week.loads)
    offered = sum(sum(load.offered) for load in week.loads)
    total = _("%(booked)s of %(offered)s places booked (%(share)s)") % {
        "booked": words.number_words(booked),
        "offered": words.number_words(offered),
        "share": words.share_words(booked, offered),
    }
    offers = []
    for load in week.loads:
        places = [
            charts.Place(
                *pair, _place_words(*pair), f"{load.offer.title}, {' '.join(day)}: {_place_words(*pair)}"
            )
            for day, pair in zip(days, _pairs(load), strict=True)
        ]
        offers.append((load.offer.title, places))
    svg = charts.week(key, week.hotel.name, f"{total}.", days, offers).svg()
    return Chart(week.hotel.name, Cell(total), svg, _week_table(week, days, links))


def _week_table(week: HotelWeek, days: list[tuple[str, str]], links: Links) -> Table:
    rows = []
    for load in week.loads:
        key = OfferKey(week.hotel.pk, load.offer.pk)
        cells = [
            Cell(_place_words(*pair), links.slots(key, _day_span(week, day)) if pair[0] else "")
            for day, pair in zip(week.days, _pairs(load), strict=True)
        ]
        rows.append(Row(load.offer.title, cells))
    caption = _("%(hotel)s: booked places out of places offered") % {"hotel": week.hotel.name}
    return Table(caption, [_("Offer"), *(" ".join(day) for day in days)], rows)


def _day_span(week: HotelWeek, day: date) -> Span:
    return day_bounds(day, week.hotel.zone)
