"""The statements of one booking as they were recorded, with what differs between bookings left open."""

import json
import re
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

# Stands for the row of the kept answer, which only the database knows.
ANSWER = "{answer}"
_IDS = {"booking": r"b-[a-z0-9]{8,9}-[a-z0-9]{12}", "event": r"e-[a-z0-9]{8,9}-[a-z0-9]{12}"}
_AROUND = ("BEGIN", "COMMIT")

Statement = tuple[str, list[Any]]


def _start_of(slot: str) -> datetime:
    return datetime.fromisoformat(slot.removeprefix("slot-")).replace(tzinfo=None)


@dataclass(frozen=True)
class Script:
    """Statements, those before the transaction first, and the pool they work on."""

    before: list[Statement]
    within: list[Statement]
    pool: list[str]
    offers: list[str]
    rooms: list[str]
    slots: list[str]

    @classmethod
    def recorded(cls, told: list[Statement], seeded: Any, key: str) -> "Script":
        """Make a script of the booking of the pool's first voucher on the first slot."""
        text = json.dumps(told)
        start = _start_of(seeded["slots"][0])
        same = {
            seeded["pool"][0]: "voucher",
            seeded["offers"][0]: "offer",
            seeded["rooms"][0]: "batch",
            f"thinker-{0:012x}": "holder",
            "g0@guest.example": "email",
            key: "key",
            str(start): "start",
            str(start + timedelta(hours=1)): "end",
        }
        for name, pattern in _IDS.items():
            same.update(dict.fromkeys(re.findall(pattern, text), name))
        job = next(values[0] for sql, values in told if "dbtaskresult" in sql)
        same[job] = "job"
        made = []
        for sql, values in told:
            if sql.startswith(_AROUND):
                continue
            made.append((sql, [_opened(value, same) for value in values]))
        # The last statement writes the answer down: the row is its last value.
        made[-1][1][-1] = ANSWER
        first = next(place for place, (sql, _values) in enumerate(made) if "access_givenanswer" in sql)
        lists = (list(seeded[name]) for name in ("pool", "offers", "rooms", "slots"))
        return cls(made[:first], made[first:], *lists)

    def written(self) -> str:
        """Return it as text."""
        return json.dumps(self.__dict__)

    @classmethod
    def read(cls, text: str) -> "Script":
        """Return what `written` wrote."""
        return cls(**json.loads(text))

    def values(self, number: int) -> dict[str, str]:
        """Return what is filled in for a booking."""
        start = _start_of(self.slots[number % len(self.slots)])
        return {
            "voucher": self.pool[number],
            "offer": self.offers[number % len(self.offers)],
            "batch": self.rooms[number % len(self.rooms)],
            "holder": f"thinker-{number:012x}",
            "email": f"g{number}@guest.example",
            "start": str(start),
            "end": str(start + timedelta(hours=1)),
            **{name: f"{name[0]}-{uuid.uuid4()}" for name in ("booking", "event", "key")},
            "job": uuid.uuid4().hex,
        }

    def filled(self, number: int) -> tuple[list[Statement], list[Statement]]:
        """Return the statements of a booking: before its transaction, and within it."""
        values = self.values(number)

        def fill(statements: list[Statement]) -> list[Statement]:
            return [(sql, [_closed(value, values) for value in some]) for sql, some in statements]

        return fill(self.before), fill(self.within)


def _opened(value: Any, same: dict[str, str]) -> Any:
    if isinstance(value, str):
        for text, name in same.items():
            value = value.replace(text, f"{{{name}}}")
    return value


def _closed(value: Any, values: dict[str, str]) -> Any:
    if isinstance(value, str) and "{" in value:
        for name, text in values.items():
            value = value.replace(f"{{{name}}}", text)
    return value
