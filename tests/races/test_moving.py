"""A living installation moves from SQLite to PostgreSQL."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.engines import Sqlite
from tests.races.conftest import Clerk, Hotel
from tests.races.test_backups import Load, acknowledged, wait_for_bookings
from tests.races.truth import Truth
from tests.servers import ROOT, WAIT_SECONDS, Browser, Cluster, environment, manage, portal, postgresql

# What one engine keeps otherwise than the other: letters, moments, numbers, JSON, places given away twice.
_ODD = r"""
import django; django.setup()
from datetime import datetime, timedelta, UTC
from decimal import Decimal
from django.contrib.auth.models import User
from django.utils import timezone
from bookings.models import Booking
from events.models import Event
from tests.make import make_booking, make_hotel, make_offer, make_voucher, make_vouchers
from vouchers.models import Offer, Voucher
now = timezone.now()
hotel = make_hotel("hotel-odd", name="Zoë’s “Hôtel” 🛁 \u202e\ufeff中文 e\u0301 'x' \\ %s")
odd = make_voucher(hotel=hotel, now=now, valid_from=now, valid_until=now + timedelta(days=30))
Voucher.objects.filter(pk=odd.pk).update(
    price_amount=Decimal("99999999.99"),
    terms={
        "b": 1.0,
        "a": [1e3, 0.1, None, True, "🛁\u2028", {"z": {}, "\u00e9": -0.5}],
        "n": 12345678901234567890,
    },
    created_at=datetime(1999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
)
offer = make_offer(hotel, capacity=3)
start = (now + timedelta(days=2)).replace(hour=12, minute=0, second=0, microsecond=0)
for number, voucher in enumerate(make_vouchers(offer, 3, now=now)):
    uid = f"thinker-{number:012x}"
    make_booking(voucher, start=start, holder_uid=uid, now=now, name="Ann\tO’Neil", email="a@guest.example")
# Fewer places than were given away in good order.
Offer.objects.filter(pk=offer.pk).update(capacity=1)
User.objects.create_user("zoë", password="x")
"""


@pytest.fixture(scope="module")
def cluster(postgresql_folder: Path) -> Iterator[Cluster]:
    with postgresql(postgresql_folder) as cluster:
        yield cluster


def python(code: str, database_url: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=environment(database_url),
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def bare(cluster: Cluster, name: str) -> str:
    """Return the address of a new database without any table."""
    with psycopg.connect(cluster.url(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return cluster.url(name)


def failing(database_url: str, *command: str) -> str:
    """Run a command that has to fail; returns what it said."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *command],
        cwd=ROOT,
        env=environment(database_url),
        capture_output=True,
        text=True,
        timeout=WAIT_SECONDS,
        check=False,
    )
    assert done.returncode == 1
    return done.stderr


def test_all_that_was_acknowledged_moves_and_nothing_is_acknowledged_by_the_old_one_after(
    cluster: Cluster, tmp_path: Path
) -> None:
    from_engine = Sqlite(tmp_path)
    old = from_engine.new_database("portal_old")
    manage(old, "demo")
    python(_ODD, old)
    # As every worker does in its first minute.
    python(
        "import django; django.setup()\n"
        "from portal.sqlite.upkeep import learn_statistics\n"
        "learn_statistics()\n",
        old,
    )
    new = bare(cluster, "portal_new")
    clerk = Clerk(old)
    with portal(old, tmp_path / "old.log", workers=2) as server:
        hotel = Hotel(from_engine, old, server, clerk)
        made = hotel.offer(vouchers=600, capacity=600)
        vouchers = made["vouchers"][0]
        late = Browser(server)
        spare = vouchers.pop()
        late_form = late.booking_form(spare, hotel.slot(21), name="Late Zoë", email="late@guest.example")
        loads = [Load(hotel, vouchers[client::2], client, ends_with=503) for client in range(2)]
        for load in loads:
            load.start()
        wait_for_bookings(loads, 2)
        told = manage(old, "move_database", "--to", new)
        away = late.press(late_form)
        for load in loads:
            load.join()
        told_of = acknowledged(loads)
        assert (away.status, int(away.headers["retry-after"]) > 0) == (503, True)
        assert "Late Zoë" in away.body
        assert Browser(server).get("/").status == 200
    clerk.stop()
    assert "Traceback" not in (tmp_path / "old.log").read_text()
    assert "are the same on both sides" in told

    stored = Truth(new).read([made["offer"]])
    assert stored.faults() == []
    assert set(stored.bookings) == told_of
    assert set(Truth(old).read([made["offer"]]).bookings) == told_of

    manage(new, "migrate", "--check")
    # Sequences go on where the old numbers end, and the guard is there.
    python(
        "import django; django.setup()\n"
        "from django.contrib.auth.models import User\n"
        "from django.db import connection\n"
        "from bookings import guards\n"
        "User.objects.create_user('after')\n"
        "assert guards.is_installed(connection)\n",
        new,
    )
    with portal(new, tmp_path / "new.log", workers=2) as server:
        guest = Browser(server)
        assert guest.press(guest.booking_form(spare, hotel.slot(22))).status == 303

    # Once moved, the target is not empty; the old one can be opened again.
    assert "The new database has tables" in failing(old, "move_database", "--to", new)
    assert "can be written again" in manage(old, "move_database", "--reopen")
    python("import django; django.setup()\nfrom tests.make import make_hotel; make_hotel('again')", old)


REFUSED = {
    "CREATE TABLE stray (id integer)": "Nobody knows what these tables are: stray",
    "DELETE FROM django_migrations WHERE app = 'operations'": "Run manage.py migrate",
    "UPDATE vouchers_hotel SET name = 'a' || char(0) || 'b'": "PostgreSQL refuses a row of vouchers_hotel",
}


@pytest.mark.sample
def test_what_cannot_move_is_told_and_the_old_database_stays_open(cluster: Cluster, tmp_path: Path) -> None:
    old = Sqlite(tmp_path).new_database("portal_odd")
    python("import django; django.setup()\nfrom tests.make import make_hotel; make_hotel()", old)
    file = Path(old.removeprefix("sqlite:///"))
    for number, (change, said) in enumerate(REFUSED.items()):
        copy = Path(shutil.copy(file, tmp_path / f"{number}.sqlite3"))
        with closing(sqlite3.connect(copy)) as connection:
            connection.execute(change)
            connection.commit()
            new = bare(cluster, f"portal_refused_{number}")
            assert said in failing(f"sqlite:///{copy}", "move_database", "--to", new)
            closed = "SELECT COUNT(*) FROM sqlite_master WHERE name LIKE 'portal_moved%'"
            assert connection.execute(closed).fetchone() == (0,)
