"""Rows of a file as orders of vouchers: which are right, and what is wrong with the others."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from portal.actors import Actor
from portal.errors import Rejected
from vouchers.forms import VoucherRowForm
from vouchers.many import Order, refuse_order


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a row is refused: which field, in which words; `code` where a rule of the domain refuses."""

    number: int
    field: str
    reason: str
    code: str = ""


def orders_of(
    rows: Iterable[tuple[int, dict[str, str]]], *, by: Actor, now: datetime, most: int
) -> Iterator[tuple[int, Order | list[Problem]]]:
    """Yield for each row the order that it is, or what is wrong with it; `most` vouchers of one row.

    Whoever stores thousands asks for hotels and offers once: what was found is kept.
    """
    found: dict[Any, Any] = {}
    seen: dict[int, int] = {}
    for number, row in rows:
        key = hash(tuple(row.get(name, "") for name in VoucherRowForm.COLUMNS))
        twin = seen.setdefault(key, number)
        if twin != number:
            words = _("the same as row %(number)d; use the column count for several") % {"number": twin}
            yield number, [Problem(number, "", words, "row_repeated")]
            continue
        form = VoucherRowForm(row, found=found)
        if not form.is_valid():
            yield (
                number,
                [
                    Problem(number, name, " ".join(map(str, messages)))
                    for name, messages in form.errors.items()
                ],
            )
            continue
        try:
            order = form.order(now)
            refuse_order(order, by=by, now=now, most=most)
        except Rejected as error:
            yield number, [Problem(number, "", error.message, error.code)]
            continue
        yield number, order
