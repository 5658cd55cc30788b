"""The guide to the API, command by command, as a hotel's integrator would paste it."""

import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.engines import Engines
from tests.servers import ROOT, WAIT_SECONDS, environment, manage, portal

_ISSUED_SINCE_THE_DEMO = (
    "SELECT COUNT(*) FROM events_event WHERE type = 'voucher.issue' AND actor_id != 'system:demo'"
)


def commands() -> str:
    """Return the guide's shell commands, one after the other."""
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    return "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE))


@pytest.mark.sample
def test_the_guide_leads_from_a_key_to_a_booked_slot_to_a_webhook(engines: Engines, tmp_path: Path) -> None:
    # The commands are the same whatever the database.
    database_url = engines["sqlite"].new_database("portal_guide")
    manage(database_url, "demo")
    allowed = {"WEBHOOK_PRIVATE_NETWORKS": "127.0.0.0/8"}
    with portal(database_url, tmp_path / "web.log", workers=2, **allowed) as server:
        script = commands().replace("http://127.0.0.1:8000", server.url)
        script = script.replace(".venv/bin/python manage.py", f"{sys.executable} {ROOT / 'manage.py'}")
        worker_env = environment(database_url, **allowed)
        work = [sys.executable, str(ROOT / "manage.py"), "work"]
        with subprocess.Popen(work, cwd=ROOT, env=worker_env) as worker:
            try:
                done = subprocess.run(
                    ["bash", "-euo", "pipefail", "-c", script],
                    cwd=tmp_path,
                    # The guide sets what its own terminal needs.
                    env=environment(database_url),
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=2 * WAIT_SECONDS,
                )
            finally:
                worker.terminate()
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    out = done.stdout
    assert "idempotent-replayed: true" in out.lower()
    assert '"code":"voucher_consumed"' in out
    assert '"cancel_reason":"The guest called."' in out
    assert out.rstrip().endswith("voucher.issue")
    assert out.count('"ok":false') == 1
    with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as connection:
        (issued,) = connection.execute(_ISSUED_SINCE_THE_DEMO).fetchone()
    # As many as the guide says that it issues: nothing does so in a loop.
    assert issued == 4
