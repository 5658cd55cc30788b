"""The sections of what happened in the period: vouchers and bookings over time, and when guests come."""

from collections.abc import Mapping

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from portal import formats
from reports import charts, words
from reports.forms import Choice
from reports.links import Links
from reports.periods import Unit
from reports.queries import Activity, Happening, OfferKey
from reports.shapes import Cell, Chart, Row, Section, Table
from vouchers.models import Offer

# A chart, or a bar, each: more are no longer looked at.
MOST_OFFERS = 24
NAMES = {
    Happening.ISSUED: gettext_lazy("Vouchers issued"),
    Happening.BOOKED: gettext_lazy("Bookings made"),
    Happening.REDEEMED: gettext_lazy("Vouchers redeemed"),
    Happening.CANCELLED: gettext_lazy("Bookings cancelled"),
    Happening.EXPIRED: gettext_lazy("Vouchers expired"),
}
_UNITS = {
    Unit.DAY: gettext_lazy("Counted by the day. Each chart has a scale of its own, from zero."),
    Unit.WEEK: gettext_lazy(
        "Counted by the week from Monday. Each chart has a scale of its own, from zero; "
        "a fainter bar is of a week that lies only partly in the period."
    ),
    Unit.MONTH: gettext_lazy(
        "Counted by the month. Each chart has a scale of its own, from zero; "
        "a fainter bar is of a month that lies only partly in the period."
    ),
}
_HEADS = {
    Unit.DAY: gettext_lazy("Day"),
    Unit.WEEK: gettext_lazy("Week"),
    Unit.MONTH: gettext_lazy("Month"),
}


def offer_words(key: OfferKey, choice: Choice, offers: Mapping[str, Offer]) -> str:
    """Return what an offer is called; with its hotel where there are several."""
    offer = offers.get(key.offer_id) if key.offer_id else None
    title = offer.title if offer else _("Vouchers without an offer")
    if choice.hotel is not None:
        return title
    hotel = next(hotel for hotel in choice.hotels if hotel.pk == key.hotel_uid)
    return f"{title} · {hotel.name}"


def left_out_words(number: int) -> list[str]:
    """Return the sentence that tells of offers without a chart, if there are any."""
    text = ngettext(
        "%(number)d offer with fewer bookings is not shown: choose a hotel or fewer days.",
        "%(number)d offers with fewer bookings are not shown: choose a hotel or fewer days.",
        number,
    )
    return [text % {"number": number}] if number > 0 else []


def activity_section(activity: Activity, choice: Choice, links: Links) -> Section:
    """Show how often things happened: a chart for each, one table behind them all."""
    period, title = choice.period, _("Vouchers and bookings")
    if not any(activity.total(happening) for happening in Happening):
        nothing = _("Nothing was issued, booked, redeemed, cancelled or expired in this period.")
        return Section("activity", title, [], empty=nothing)
    span = (period.since, period.until)
    shown = []
    for happening, name in NAMES.items():
        number = words.number_words(activity.total(happening))
        total = Cell(number, links.happening(happening, span) if activity.total(happening) else "")
        shown.append(Chart(str(name), total, _columns(happening, activity, choice)))
    return Section(
        "activity",
        title,
        [str(_UNITS[period.unit])],
        shown,
        _activity_table(activity, choice, links),
    )


def _columns(happening: Happening, activity: Activity, choice: Choice) -> SafeString:
    period, counts = choice.period, activity.counts[happening]
    buckets = period.buckets()
    bars = [
        charts.Bar(
            words.tick_words(bucket, period),
            count,
            f"{words.bucket_words(bucket, period.unit)}: {words.number_words(count)}",
            "bar bar-part" if bucket.is_part else "bar",
        )
        for bucket, count in zip(buckets, counts, strict=True)
    ]
    most = max(counts)
    said = _("%(number)s in all, from %(days)s.") % {
        "number": words.number_words(sum(counts)),
        "days": words.days_words(period.first, period.last),
    }
    if most:
        where = words.bucket_words(buckets[counts.index(most)], period.unit)
        said += " " + _("The most: %(number)s (%(when)s).") % {
            "number": words.number_words(most),
            "when": where,
        }
    ticks = {tick: words.number_words(tick) for tick in charts.scale(most)}
    key = f"activity-{happening.name.lower()}"
    return charts.columns(key, str(NAMES[happening]), said, bars, ticks).svg()


def _activity_table(activity: Activity, choice: Choice, links: Links) -> Table:
    period = choice.period
    rows = []
    for place, bucket in enumerate(period.buckets()):
        span = period.bounds(bucket)
        cells = [
            Cell(words.number_words(counts[place]), links.happening(each, span) if counts[place] else "")
            for each, counts in activity.counts.items()
        ]
        rows.append(Row(words.bucket_words(bucket, period.unit), cells))
    totals = [Cell(words.number_words(activity.total(each))) for each in NAMES]
    rows.append(Row(_("In all"), totals, is_total=True))
    columns = [str(_HEADS[period.unit]), *map(str, NAMES.values())]
    return Table(_("Vouchers and bookings"), columns, rows)


def usage_section(
    usage: Mapping[OfferKey, Mapping[tuple[int, int], int]],
    choice: Choice,
    offers: Mapping[str, Offer],
    links: Links,
) -> Section:
    """Show at which hours of the week each offer is used: a heat map for each."""
    busiest = sorted(
        usage.items(), key=lambda each: (-sum(each[1].values()), offer_words(each[0], choice, offers))
    )
    span = (choice.period.since, choice.period.until)
    says = [
        _(
            "Booked slots of the period by the hour at which they begin, by the hotel’s own clock. "
            "Each offer has a scale of its own: the stronger the colour, the more bookings."
        )
    ]
    says += left_out_words(len(busiest) - MOST_OFFERS)
    shown = []
    for place, (key, counts) in enumerate(busiest[:MOST_OFFERS]):
        name = offer_words(key, choice, offers)
        total = Cell(words.number_words(sum(counts.values())), links.slots(key, span))
        shown.append(Chart(name, total, _heat_map(f"use-{place}", name, counts), _hours_table(name, counts)))
    empty = "" if shown else _("No slot of this period is booked.")
    return Section("use", _("When guests come"), says, shown, empty=empty)


def _heat_map(key: str, name: str, counts: Mapping[tuple[int, int], int]) -> SafeString:
    weekdays = formats.weekday_names()
    cells = {
        (weekday, hour): (
            number,
            f"{weekdays[weekday][1]}, {_hour(hour)}: {words.number_words(number)}",
        )
        for (weekday, hour), number in counts.items()
    }
    (weekday, hour), most = max(counts.items(), key=lambda each: (each[1], -each[0][0], -each[0][1]))
    legend = {
        level: words.number_words(last)
        if first == last
        else f"{words.number_words(first)}–{words.number_words(last)}"
        for level, first, last in charts.heat_ranges(most)
    }
    said = _("%(number)s bookings by weekday and hour. The most: %(most)s on %(day)s, %(hour)s.") % {
        "number": words.number_words(sum(counts.values())),
        "most": words.number_words(most),
        "day": weekdays[weekday][1],
        "hour": _hour(hour),
    }
    return charts.heat_map(key, name, said, cells, [short for short, _long in weekdays], legend).svg()


def _hour(hour: int) -> str:
    return f"{hour:02d}:00–{hour + 1:02d}:00"


def _hours_table(name: str, counts: Mapping[tuple[int, int], int]) -> Table:
    rows = [
        Row(
            _hour(hour),
            [Cell(words.number_words(counts.get((weekday, hour), 0))) for weekday in range(7)],
        )
        for hour in sorted({hour for _weekday, hour in counts})
    ]
    totals = [
        Cell(words.number_words(sum(number for (day, _hour), number in counts.items() if day == weekday)))
        for weekday in range(7)
    ]
    rows.append(Row(_("In all"), totals, is_total=True))
    columns = [_("Hour"), *(short for short, _long in formats.weekday_names())]
    return Table(_("%(offer)s: bookings by weekday and hour") % {"offer": name}, columns, rows)
