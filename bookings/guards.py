"""The database's own guard of an offer's places: triggers for SQLite and PostgreSQL.

A booking that would make more standing bookings at one instant than the offer has places
is refused by the database, whoever writes it. The most at one time within a slot is reached
at the slot's own start or at the start of a booking inside it, so only those are counted.

SQLite has one writer at a time. On PostgreSQL the trigger locks the offer's row first, and
counts in a statement of its own, which at READ COMMITTED sees all that was committed before
the lock was had. docs/decisions/0003-places.md says why not a unique key on places.
"""

from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

# What the triggers raise: how an IntegrityError of theirs is told from any other.
PLACES_TAKEN = "bookings_places_taken"

# {ago} is a day before the new slot: no booking of an offer lasts longer (a constraint).
_PEAK = """
SELECT MAX((
    SELECT COUNT(*) FROM bookings_booking held
    WHERE held.offer_id = NEW.offer_id AND held.status = 'booked' AND held.id <> NEW.id
      AND held.slot_start > {ago} AND held.slot_start <= instants.instant
      AND held.slot_end > instants.instant
))
FROM (
    SELECT NEW.slot_start AS instant
    UNION
    SELECT inside.slot_start FROM bookings_booking inside
    WHERE inside.offer_id = NEW.offer_id AND inside.status = 'booked' AND inside.id <> NEW.id
      AND inside.slot_start > NEW.slot_start AND inside.slot_start < NEW.slot_end
) instants
"""

_SQLITE = """
DROP TRIGGER IF EXISTS {name};
CREATE TRIGGER {name} BEFORE {event} ON bookings_booking
WHEN NEW.status = 'booked' AND NEW.offer_id IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, '{error}')
    WHERE ({peak}) >= (SELECT capacity FROM vouchers_offer WHERE id = NEW.offer_id);
END;
"""

_SQLITE_TRIGGERS = {
    "bookings_guard_new_places": "INSERT",
    "bookings_guard_changed_places": "UPDATE OF status, offer_id, slot_start, slot_end",
}

_POSTGRESQL = """
CREATE OR REPLACE FUNCTION bookings_guard_places() RETURNS trigger LANGUAGE plpgsql AS $guard$
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
CREATE OR REPLACE TRIGGER bookings_guard_places
    BEFORE INSERT OR UPDATE OF status, offer_id, slot_start, slot_end ON bookings_booking
    FOR EACH ROW WHEN (NEW.status = 'booked' AND NEW.offer_id IS NOT NULL)
    EXECUTE FUNCTION bookings_guard_places();
"""


def install(using: str = "default") -> None:
    """Put the guard in place, or renew it.

    Runs after every `migrate`: on SQLite, Django alters a table by building it anew, and
    the triggers of the old table go with it.
    """
    connection = connections[using]
    if "bookings_booking" not in connection.introspection.table_names():
        return
    if connection.vendor == "sqlite":
        _install_on_sqlite(connection)
    elif connection.vendor == "postgresql":
        peak = _PEAK.format(ago="NEW.slot_start - interval '1 day'")
        with connection.cursor() as cursor:
            cursor.execute(_POSTGRESQL.format(peak=peak, error=PLACES_TAKEN))
    else:
        raise DatabaseError(f"No guard for places is written for {connection.vendor}.")


def _install_on_sqlite(connection: BaseDatabaseWrapper) -> None:
    peak = _PEAK.format(ago="datetime(NEW.slot_start, '-1 day')")
    for name, event in _SQLITE_TRIGGERS.items():
        script = _SQLITE.format(name=name, event=event, peak=peak, error=PLACES_TAKEN)
        drop, create = script.strip().split("\n", 1)
        with connection.cursor() as cursor:
            cursor.execute(drop)
            cursor.execute(create)


def is_installed(connection: BaseDatabaseWrapper) -> bool:
    """Tell whether the guard is in place."""
    if connection.vendor == "sqlite":
        query = "SELECT COUNT(*) FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'bookings_guard_%'"
        return _number_of(connection, query) == len(_SQLITE_TRIGGERS)
    query = (
        "SELECT COUNT(*) FROM pg_trigger WHERE tgname = 'bookings_guard_places'"
        " AND tgrelid = 'bookings_booking'::regclass AND tgenabled <> 'D'"
    )
    return _number_of(connection, query) == 1


def _number_of(connection: BaseDatabaseWrapper, query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])
