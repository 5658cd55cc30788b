"""Units of deploy/systemd on a machine with systemd: installed by the guide's own commands, and broken."""

import html
import os
import re
import secrets
import shlex
import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin

import psycopg
import pytest

from tests.faults.load import PLACES, Load
from tests.machine.debian import CODE, PORTS, Machine, debian, missing
from tests.patience import until
from tests.races.conftest import Clerk
from tests.races.systems import SystemBehind
from tests.races.truth import Truth
from tests.servers import HOST, ROOT, Browser, filled, read_form

NAME = "vouchers.example.com"
SERVICES = ("portal-web", "portal-worker", "portal-backup")
# What an operator writes into the environment, here for a load that is more than any limit allows.
WRITTEN = {
    "EMAIL_URL": "file:////var/lib/portal/mails",
    "API_WRITES_PER_MINUTE": "1000000",
    "API_READS_PER_MINUTE": "1000000",
}
Proves = Callable[[Callable[[], object]], Load]


def commands(heading: str) -> str:
    """Return the commands that the guide has for systemd in one of its chapters."""
    guide = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    chapter = guide.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return "\n".join(re.findall(r"^```bash\n(.*?)^```", chapter, re.DOTALL | re.MULTILINE))


def is_taken(port: int) -> bool:
    """Tell whether somebody listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


@pytest.fixture(scope="session")
def machine() -> Iterator[Machine]:
    """A machine on which the guide's commands for systemd were run."""
    if os.environ.get("MACHINE") != "1":
        pytest.skip("`make machine` boots a machine of its own")
    if reason := missing() or ", ".join(f"port {port} is taken" for port in PORTS if is_taken(port)):
        pytest.fail(reason, pytrace=False)
    with debian(ROOT / "var" / "machine", NAME) as machine:
        install = commands("Install")
        told = "".join(f"{name}={value}\n" for name, value in WRITTEN.items())
        # Of a variable that is named twice, systemd takes the second.
        write = f"cat >> /etc/portal/portal.env <<'END'\n{told}END\n"
        before, after = install.split("install -m 0755 deploy/portal-manage")
        machine.run(f"apt-get update\n{before}{write}install -m 0755 deploy/portal-manage{after}")
        yield machine


@pytest.fixture(scope="session")
def database_url(machine: Machine) -> str:
    return machine.run("sed -n 's/^DATABASE_URL=//p' /etc/portal/portal.env").strip()


@pytest.fixture
def proves(machine: Machine, database_url: str) -> Iterator[Proves]:
    """Return what does something to the machine under load, and fails if anything was lost or double."""
    clerk = Clerk(database_url)

    def under_load(happens: Callable[[], object]) -> Load:
        made = clerk.ask("seed", vouchers=400, batches=10, capacity=PLACES)
        vouchers = [voucher for batch in made["vouchers"] for voucher in batch]
        begin = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=2)
        key = clerk.ask("key")
        with Load(lambda: SystemBehind(machine, key), vouchers, begin) as load:
            began = time.monotonic()
            until(lambda: load.acknowledged_since(began) > 20, what="bookings")
            happens()
            happened = time.monotonic()
            until(lambda: load.acknowledged_since(happened) > 20, what="bookings afterwards")
        stored = Truth(database_url).read([made["offer"]])
        assert load.wrong == []
        assert load.acknowledged.keys() - stored.bookings.keys() == set()
        assert stored.faults() == []
        return load

    yield under_load
    clerk.stop()


def test_the_guide_leads_to_a_portal_that_is_ready(machine: Machine) -> None:
    machine.wait_until_ready()
    assert (
        machine.run("systemctl is-active portal-web portal-worker portal-backup.timer").split()
        == ["active"] * 3
    )
    assert machine.run("systemctl --failed --no-legend") == ""


@pytest.mark.parametrize("service", SERVICES)
def test_services_are_shut_into_what_they_need(machine: Machine, service: str) -> None:
    # Of 100, where an ordinary service has more than 90.
    machine.run(f"systemd-analyze security --no-pager --threshold=15 {service}")


def test_what_is_written_is_the_portals_own_and_readable_by_it_alone(machine: Machine) -> None:
    assert machine.run("stat -c '%U %a' /var/lib/portal /etc/portal/portal.env").splitlines() == [
        "portal 700",
        "root 600",
    ]
    assert machine.run(f"find /{CODE} -user portal") == ""
    assert machine.run("find /var/lib/portal ! -user portal") == ""


def follow(guest: Browser, page: str, what: str) -> str:
    """Follow the first link of a page whose address holds a text; returns the page that it leads to."""
    found = re.search(rf'href="([^"]*{what}[^"]*)"', page)
    assert found, f"no link to {what}"
    return guest.get(urljoin("/", html.unescape(found[1]))).body


def test_a_guest_books_and_prints_where_little_is_allowed(machine: Machine) -> None:
    link = re.search(r"/guest/\S+", machine.run("portal-manage demo"))
    assert link
    guest = Browser(machine)
    guest.get(link[0])
    page = guest.get("/?status=issued").body
    for what in ("voucher=", "day=", "slot="):
        page = follow(guest, page, what)
    form = read_form(page)
    assert form is not None
    booked = guest.press(filled(form, "Ann"))
    assert booked.booking_id, booked.body
    printed = guest.get(f"/booking/{booked.booking_id}/print.pdf")
    assert (printed.status, printed.headers["content-type"]) == (200, "application/pdf")


def test_staff_sign_in_and_take_files_out_where_little_is_allowed(machine: Machine) -> None:
    password = secrets.token_urlsafe()
    make = f"User.objects.create_superuser('owner', password={password!r})"
    machine.run(f"portal-manage shell -v 0 -c {shlex.quote(make)}")
    staff = Browser(machine)
    form = read_form(staff.get("/admin/login/").body, "login-form")
    assert form is not None
    fields = {**form.fields, "username": "owner", "password": password}
    assert staff.post("/admin/login/?next=/admin/", fields).location == "/admin/"
    assert staff.get("/admin/day-list/print.pdf").headers["content-type"] == "application/pdf"
    sheet = staff.get("/admin/vouchers/voucher/export/xlsx/")
    assert "spreadsheet" in sheet.headers["content-type"]


def test_a_backup_is_made_that_is_the_portals_alone(machine: Machine) -> None:
    machine.run("systemctl start portal-backup")
    made = machine.run("stat -c '%U %a %n' /var/lib/portal/backups/*").splitlines()
    assert len(made) == 2
    assert all(line.startswith("portal 600 ") for line in made), made


def test_an_upgrade_fails_no_request(machine: Machine, proves: Proves) -> None:
    processes = "pgrep --full 'gunicorn --config' --uid portal"
    old = set(machine.run(processes).split())
    load = proves(lambda: machine.run(commands("Upgrade")))
    assert load.later == {}
    new = set(machine.run(processes).split())
    assert old & new == {machine.main_process("portal-web")}


def test_a_restart_fails_no_request(machine: Machine, proves: Proves) -> None:
    load = proves(lambda: machine.run("systemctl restart portal-web portal-worker"))
    assert load.later == {}


def test_services_that_are_killed_come_back_by_themselves(machine: Machine, proves: Proves) -> None:
    old = {service: machine.main_process(service) for service in ("portal-web", "portal-worker")}

    def kill() -> None:
        machine.run(f"kill -9 {' '.join(old.values())}")
        for service, process in old.items():
            until(
                lambda s=service, p=process: machine.main_process(s) not in ("0", p),
                what=f"another {service}",
            )

    proves(kill)
    machine.wait_until_ready()


def test_mails_of_bookings_arrive(machine: Machine, database_url: str, proves: Proves) -> None:
    def written() -> int:
        count = "cat /var/lib/portal/mails/*.log 2>/dev/null | grep -c '^To: guest-'"
        return int(machine.run(count, is_checked=False) or 0)

    def sent() -> int:
        query = "SELECT count(*) FROM bookings_mail WHERE sent_at IS NOT NULL AND booking_id = ANY(%s)"
        with psycopg.connect(database_url) as link:
            row = link.execute(query, [list(load.acknowledged)]).fetchone()
        return int(row[0]) if row else 0

    before = written()
    load = proves(lambda: None)
    until(lambda: sent() == len(load.acknowledged), what="mails")
    assert written() - before >= len(load.acknowledged)


def test_after_everything_was_killed_at_once_the_machine_starts_with_all_that_was_booked(
    machine: Machine, proves: Proves
) -> None:
    def fail() -> None:
        machine.cut_power()
        machine.boot()

    proves(fail)
    machine.wait_until_ready()
    assert machine.run("systemctl --failed --no-legend") == ""


def test_it_stops_in_time_and_in_order(machine: Machine) -> None:
    began = time.monotonic()
    machine.run("systemctl stop portal-web.socket portal-web portal-worker")
    assert time.monotonic() - began < 25
    said = machine.run("journalctl --boot --no-pager --output=cat --unit=portal-web --unit=portal-worker")
    assert "Traceback" not in said
    assert "SIGKILL" not in said.split("Stopping portal")[-1]
    machine.run("systemctl start portal-web.socket portal-web portal-worker")
    machine.wait_until_ready()
