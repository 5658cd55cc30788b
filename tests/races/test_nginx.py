"""Two web machines behind nginx, over one PostgreSQL, with the example of deploy/."""

import json
import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.engines import Postgresql
from tests.nginx import BEHIND, NAME, Nginx, nginx
from tests.patience import until
from tests.races.conftest import Clerk, Hotel
from tests.races.truth import Truth
from tests.servers import HOST, ROOT, WAIT_SECONDS, Browser, Portal, at_once, postgresql


class Site:
    """What stands behind the name."""

    def __init__(self, front: Nginx, machines: list[Portal], hotel: Hotel) -> None:
        self.front, self.machines, self.hotel = front, machines, hotel

    def ask(
        self, path: str, *, method: str = "GET", name: str = NAME, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        """Send a request; underscores in the names of headers stand for dashes, two for one."""
        told = {
            key.replace("__", "·").replace("_", "-").replace("·", "_"): value
            for key, value in headers.items()
        }
        connection = self.front.connect(name)
        try:
            connection.request(method, path, headers={"Host": name, **told})
            response = connection.getresponse()
            found = {key.lower(): value for key, value in response.getheaders()}
            return response.status, found, response.read().decode()
        finally:
            connection.close()


@pytest.fixture(scope="module")
def site(postgresql_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("nginx")
    with postgresql(postgresql_folder) as cluster, ExitStack() as stack:
        engine = Postgresql(cluster)
        url = engine.new_database("portal_two")
        machines = [Portal(url, home / f"{number}.log", workers=2, **BEHIND) for number in (1, 2)]
        for machine in machines:
            stack.callback(machine.stop)
            machine.headers = {"Host": NAME}
        front = stack.enter_context(nginx(home, [machine.port for machine in machines]))
        for machine in machines:
            until(machine.answers, what="a machine behind nginx")
        clerk = Clerk(url)
        stack.callback(clerk.stop)
        yield Site(front, machines, Hotel(engine, url, machines[0], clerk))


@pytest.mark.sample
def test_guests_of_both_machines_race_for_the_last_places(site: Site) -> None:
    made = site.hotel.offer(vouchers=12, capacity=4)
    vouchers = made["vouchers"][0]
    guests = [Browser(site.front) for _voucher in vouchers]
    start = site.hotel.slot()
    forms = [guest.booking_form(voucher, start) for guest, voucher in zip(guests, vouchers, strict=True)]
    answers = at_once([lambda g=guest, f=form: g.press(f) for guest, form in zip(guests, forms, strict=True)])
    assert sorted(answer.status for answer in answers) == [303] * 4 + [409] * 8
    stored = Truth(site.hotel.database_url).read([made["offer"]])
    assert stored.faults() == []
    assert {row["id"] for row in stored.standing} == {answer.booking_id for answer in answers} - {""}


def forms_taken(machine: Portal) -> float:
    """Return how many forms a machine has answered, by its own numbers."""
    page = Browser(machine).get("/metrics").body
    return sum(
        float(line.split()[-1])
        for line in page.splitlines()
        if line.startswith("portal_request_seconds_count") and 'method="POST"' in line
    )


def test_of_two_guests_on_two_machines_one_gets_the_last_place(site: Site) -> None:
    before = [forms_taken(machine) for machine in site.machines]

    def shares() -> list[float]:
        after = [forms_taken(machine) for machine in site.machines]
        return [late - early for early, late in zip(before, after, strict=True)]

    # nginx hands requests out in turn, each of its processes for itself: both machines come to their share.
    for hour in range(24):
        if hour >= 10 and min(shares()) >= 3:
            break
        made = site.hotel.offer(vouchers=2, capacity=1)
        guests = [Browser(site.front), Browser(site.front)]
        forms = [
            guest.booking_form(voucher, site.hotel.slot(hour))
            for guest, voucher in zip(guests, made["vouchers"][0], strict=True)
        ]
        calls = [lambda g=guest, f=form: g.press(f) for guest, form in zip(guests, forms, strict=True)]
        answers = at_once(calls)
        assert sorted(answer.status for answer in answers) == [303, 409]
        stored = Truth(site.hotel.database_url).read([made["offer"]])
        assert stored.faults() == []
        assert [row["id"] for row in stored.standing] == [
            answer.booking_id for answer in answers if answer.booking_id
        ]
    assert min(shares()) >= 3


def test_a_renewal_of_both_machines_under_load_fails_no_request(site: Site) -> None:
    made = site.hotel.offer(vouchers=24, capacity=24)
    vouchers = made["vouchers"][0]
    old = [machine.workers() for machine in site.machines]

    def book(numbers: list[int]) -> list[int]:
        statuses = []
        for number in numbers:
            guest = Browser(site.front)
            form = guest.booking_form(vouchers[number], site.hotel.slot())
            statuses.append(guest.press(form).status)
        return statuses

    def renew() -> list[int]:
        for machine, workers in zip(site.machines, old, strict=True):
            machine.reload()
            until(lambda m=machine, w=workers: not w & m.workers(), what="new workers")
        return []

    answered = at_once([renew, *(lambda n=n: book(list(range(n, 24, 4))) for n in range(4))])
    assert [status for some in answered for status in some] == [303] * 24


def test_the_front_speaks_http2_and_tls_alone(site: Site) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    certificate = site.front.home / "cert.pem"
    target = f"https://{NAME}:{site.front.port}/healthz"
    told = subprocess.run(
        [
            *("curl", "-s", "--http2", "--cacert", str(certificate), "-w", "%{http_version} %{http_code}"),
            *("--resolve", f"{NAME}:{site.front.port}:{HOST}", "-o", "/dev/null", target),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout == "2 200"
    with socket.create_connection((HOST, site.front.plain_port), timeout=WAIT_SECONDS) as plain:
        plain.sendall(f"GET /x?y HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\n\r\n".encode())
        head = plain.makefile("rb").read().decode()
    assert head.startswith("HTTP/1.1 308")
    assert f"Location: https://{NAME}/x?y" in head


def test_forged_headers_change_nothing(site: Site) -> None:
    plain = site.ask("/")
    assert plain[0] == 200
    for headers in (
        {"X_Forwarded_Proto": "http"},
        {"X_Forwarded_Host": "evil.example"},
        {"X_Forwarded_Port": "80"},
        {"Forwarded": "for=1.2.3.4;host=evil.example;proto=http"},
        {"SCRIPT__NAME": "/evil"},
        {"PATH__INFO": "/admin/"},
        {"Script_Name": "/evil"},
        {"X_Original_URL": "/admin/"},
        {"X_Rewrite_URL": "/admin/"},
        {"X_Forwarded_For": "127.0.0.1"},
    ):
        status, found, body = site.ask("/", **headers)
        assert status == 200, headers
        assert "evil" not in body + json.dumps(found), headers
        assert found["strict-transport-security"] == plain[1]["strict-transport-security"]


def test_a_machine_itself_believes_no_forged_name_or_path(site: Site) -> None:
    for machine in site.machines:
        for header in ("SCRIPT_NAME: /evil", "Script-Name: /evil", "PATH_INFO: /admin/"):
            with socket.create_connection((HOST, machine.port), timeout=WAIT_SECONDS) as link:
                asked = (
                    f"GET / HTTP/1.1\r\nHost: {NAME}\r\nX-Forwarded-Proto: https\r\n{header}\r\n"
                    "Connection: close\r\n\r\n"
                )
                link.sendall(asked.encode())
                head, _gap, body = link.makefile("rb").read().partition(b"\r\n\r\n")
            assert head.split(b" ")[1] == b"200", header
            assert b"evil" not in head + body


def test_limits_count_the_true_address_whatever_a_client_says_of_itself(site: Site) -> None:
    def ask(number: int) -> tuple[int, int]:
        """Return what is left, and the seconds to the end of this minute."""
        _status, found, _body = site.ask("/api/voucher/list", X_Forwarded_For=f"10.0.0.{number}")
        left, reset = re.search(r"r=(\d+);t=(\d+)", found["ratelimit"]).groups()
        return int(left), int(reset)

    first, second = ask(0), ask(1)
    while second[1] > first[1]:
        # Between the two a new minute began, and a new quota.
        first, second = second, ask(2)
    assert second[0] == first[0] - 1


def test_another_name_is_not_answered(site: Site) -> None:
    connection = site.front.connect()
    connection.request("GET", "/", headers={"Host": "evil.example"})
    with pytest.raises((ConnectionError, ssl.SSLError)):
        # The name that TLS asked for leads to the site; the one in the request to nobody.
        connection.getresponse()
    connection.close()
    with socket.create_connection((HOST, site.machines[0].port), timeout=WAIT_SECONDS) as link:
        link.sendall(
            b"GET / HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Proto: https\r\nConnection: close\r\n\r\n"
        )
        assert link.makefile("rb").read().split(b" ")[1] == b"400"


def test_numbers_and_inner_health_are_not_for_the_street(site: Site) -> None:
    assert site.ask("/metrics")[0] == 404
    assert site.ask("/healthz")[0] == 200
    # nginx lets this machine in.
    status, _found, body = site.ask("/readyz?part=database")
    assert (status, json.loads(body)["ready"]) == (200, True)


def test_an_answer_carries_the_id_of_the_fronts_log_and_the_log_no_keys(site: Site) -> None:
    _status, found, _body = site.ask("/guest/SECRET-KEY/?q=Ann", X_Request_ID="forged-0123456789")
    own_id = found["x-request-id"]
    assert own_id != "forged-0123456789"
    until(lambda: own_id in site.front.log(), what="the log")
    line = next(line for line in site.front.log().splitlines() if own_id in line)
    assert "/guest/-" in line
    assert "SECRET" not in line
    assert "Ann" not in line


def test_a_body_larger_than_any_file_is_refused_before_the_portal_sees_it(site: Site) -> None:
    connection = site.front.connect()
    connection.putrequest("POST", "/", skip_host=True)
    connection.putheader("Host", NAME)
    connection.putheader("Content-Length", str(64 * 2**20))
    connection.endheaders()
    assert connection.getresponse().status == 413
    connection.close()


def test_the_units_are_in_order() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    for unit in sorted(path for path in (ROOT / "deploy" / "systemd").iterdir() if path.is_file()):
        done = subprocess.run(
            ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
        )
        said = [line for line in done.stderr.splitlines() if "is not executable" not in line]
        assert said == [], unit.name
