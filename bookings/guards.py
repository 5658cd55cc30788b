"""The database's own guard of an offer's places: triggers for SQLite and PostgreSQL.

A booking or a hold that would make more standing bookings and unexpired holds at one instant
than the offer has places is refused by the database, whoever writes it. The most at one time
within a slot is reached at the slot's own start or at the start of one inside it, so only
those are counted.

What stands at the moment of taking is counted: a hold that has lapsed by then takes nothing,
and a booking does not count the holds of its own guest, which its verb ends.

SQLite has one writer at a time. On PostgreSQL the trigger locks the offer's row first, and
counts in a statement of its own, which at READ COMMITTED sees all that was committed before
the lock was had. docs/decisions/0003-places.md says why not a unique key on places. Its plan is
made once for each connection, and again when PostgreSQL has looked how the rows are spread:
left to itself it plans the count anew for each row, which takes longer than counting
(docs/decisions/0018-ready-statements.md).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db import DatabaseError, IntegrityError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils.translation import gettext_lazy as _

from portal.errors import Conflict

# What the triggers raise: how an IntegrityError of theirs is told from any other.
PLACES_TAKEN = "bookings_places_taken"

# {ago} is a day before the new slot: no booking or hold of an offer lasts longer (a constraint).
_PEAK = """
SELECT MAX((
    SELECT COUNT(*) FROM bookings_booking booked
    WHERE booked.offer_id = NEW.offer_id AND booked.status = 'booked' AND {but_booking}
      AND booked.slot_start > {ago} AND booked.slot_start <= instants.instant
      AND booked.slot_end > instants.instant
) + (
    SELECT COUNT(*) FROM bookings_hold held
    WHERE held.offer_id = NEW.offer_id AND held.expires_at > {at} AND {but_hold}
      AND held.slot_start > {ago} AND held.slot_start <= instants.instant
      AND held.slot_end > instants.instant
))
FROM (
    SELECT NEW.slot_start AS instant
    UNION
    SELECT booked.slot_start FROM bookings_booking booked
    WHERE booked.offer_id = NEW.offer_id AND booked.status = 'booked' AND {but_booking}
      AND booked.slot_start > NEW.slot_start AND booked.slot_start < NEW.slot_end
    UNION
    SELECT held.slot_start FROM bookings_hold held
    WHERE held.offer_id = NEW.offer_id AND held.expires_at > {at} AND {but_hold}
      AND held.slot_start > NEW.slot_start AND held.slot_start < NEW.slot_end
) instants
"""

_SQLITE = """
CREATE TRIGGER {name} BEFORE {event} ON {table}
WHEN {when}
BEGIN
    SELECT RAISE(ABORT, '{error}')
    WHERE ({peak}) >= (SELECT capacity FROM vouchers_offer WHERE id = NEW.offer_id);
END;
"""

_POSTGRESQL = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan AS $guard$
DECLARE
    places integer;
    peak integer;
BEGIN
    SELECT capacity INTO places FROM vouchers_offer WHERE id = NEW.offer_id FOR NO KEY UPDATE;
    peak := ({peak});
    IF peak >= places THEN
        RAISE EXCEPTION '{error}' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END
$guard$;
CREATE OR REPLACE TRIGGER {name}
    BEFORE INSERT OR UPDATE OF {columns} ON {table}
    FOR EACH ROW WHEN ({when})
    EXECUTE FUNCTION {name}();
"""


@dataclass(frozen=True, slots=True)
class Guard:
    """The guard of one table; `sqlite` are the names of its triggers there, for INSERT and UPDATE."""

    table: str
    name: str
    sqlite: tuple[str, str]
    columns: str
    when: str
    at: str
    but_booking: str
    but_hold: str

    def peak(self, ago: str) -> str:
        """Return the query of how much is taken beside the new row."""
        return _PEAK.format(ago=ago, at=self.at, but_booking=self.but_booking, but_hold=self.but_hold)


GUARDS = (
    Guard(
        table="bookings_booking",
        name="bookings_guard_places",
        sqlite=("bookings_guard_new_places", "bookings_guard_changed_places"),
        columns="status, offer_id, slot_start, slot_end",
        when="NEW.status = 'booked' AND NEW.offer_id IS NOT NULL",
        at="COALESCE(NEW.moved_at, NEW.created_at)",
        but_booking="booked.id <> NEW.id",
        but_hold="held.guest_uid <> NEW.holder_uid",
    ),
    Guard(
        table="bookings_hold",
        name="bookings_guard_held_places",
        sqlite=("bookings_guard_new_hold", "bookings_guard_changed_hold"),
        columns="offer_id, slot_start, slot_end, taken_at, expires_at",
        when="NEW.offer_id IS NOT NULL",
        at="NEW.taken_at",
        but_booking="TRUE",
        but_hold="held.id <> NEW.id",
    ),
)


def install(using: str = "default") -> None:
    """Put the guard in place, or renew it.

    Runs after every `migrate`: on SQLite, Django alters a table by building it anew, and
    the triggers of the old table go with it.
    """
    connection = connections[using]
    if not {guard.table for guard in GUARDS} <= set(connection.introspection.table_names()):
        return
    if connection.vendor == "sqlite":
        remove(using)
        for guard in GUARDS:
            _install_on_sqlite(connection, guard)
    elif connection.vendor == "postgresql":
        for guard in GUARDS:
            _install_on_postgresql(connection, guard)
    else:
        raise DatabaseError(f"No guard for places is written for {connection.vendor}.")


def remove(using: str = "default") -> None:
    """Take the guard away on SQLite, which alters no table that a trigger of another table names.

    Only for the time of a migration, which `install` follows.
    """
    connection = connections[using]
    if connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            for guard in GUARDS:
                for name in guard.sqlite:
                    cursor.execute(f"DROP TRIGGER IF EXISTS {name}")


def is_installed(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether the whole guard is in place."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            wanted = {name for guard in GUARDS for name in guard.sqlite}
        else:
            cursor.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled <> 'D'")
            wanted = {guard.name for guard in GUARDS}
        return wanted <= {name for (name,) in cursor.fetchall()}


def _install_on_sqlite(connection: BaseDatabaseWrapper, guard: Guard) -> None:
    peak = guard.peak("datetime(NEW.slot_start, '-1 day')")
    for name, event in zip(guard.sqlite, ("INSERT", f"UPDATE OF {guard.columns}"), strict=True):
        script = _SQLITE.format(
            name=name, event=event, table=guard.table, when=guard.when, peak=peak, error=PLACES_TAKEN
        )
        with connection.cursor() as cursor:
            cursor.execute(script)


def _install_on_postgresql(connection: BaseDatabaseWrapper, guard: Guard) -> None:
    script = _POSTGRESQL.format(
        name=guard.name,
        table=guard.table,
        columns=guard.columns,
        when=guard.when,
        peak=guard.peak("NEW.slot_start - interval '1 day'"),
        error=PLACES_TAKEN,
    )
    with connection.cursor() as cursor:
        cursor.execute(script)


@contextmanager
def places_guarded() -> Iterator[None]:
    """Turn the database's refusal of a place too many into Conflict("slot_taken")."""
    try:
        yield
    except IntegrityError as error:
        if PLACES_TAKEN in str(error):
            raise Conflict("slot_taken", _("Someone else has just taken this time.")) from error
        raise
