"""What a well-formed request to issue vouchers is."""

from datetime import UTC, datetime

import pytest
from django.utils import translation

from tests.checks import refused
from tests.make import NOW, make_offer
from vouchers.forms import IssueForm, YesNoField
from vouchers.terms import terms_of


@pytest.mark.parametrize(
    "moment",
    ["9999-12-31 23:59", "2200-01-01 00:01", "1989-12-31", "0001-01-01", "0001-01-01T00:00:00+14:00"],
)
@pytest.mark.parametrize("field", ["valid_from", "valid_until"])
def test_a_validity_outside_the_years_of_calendars_is_refused(field: str, moment: str) -> None:
    form = IssueForm({"count": "1", field: moment})
    assert not form.is_valid()
    assert list(form.errors) == [field]


@pytest.mark.django_db
@pytest.mark.parametrize("year", [1, 1989, 2201, 9999])
def test_terms_that_begin_outside_the_years_of_calendars_are_refused(year: int) -> None:
    offer = make_offer()
    with refused("validity_out_of_range"):
        terms_of(offer, now=NOW, valid_from=datetime(year, 12, 31, tzinfo=UTC))


@pytest.mark.parametrize(("value", "meant"), [("unknown", None), ("true", True), ("false", False)])
def test_a_choice_of_yes_and_no_is_read_as_its_page_writes_it(value: str, meant: bool | None) -> None:
    field = YesNoField(required=False)
    with translation.override("en"):
        page = field.widget.render("answer", meant)
    assert f'<option value="{value}" selected>' in page
    assert field.clean(field.widget.value_from_datadict({"answer": value}, {}, "answer")) is meant
