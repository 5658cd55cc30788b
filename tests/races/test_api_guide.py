"""The guide to the API, command by command, as a hotel's integrator would paste it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engines import Engine
from tests.servers import ROOT, WAIT_SECONDS, environment, manage, portal


def commands() -> str:
    """Return the guide's shell commands, one after the other."""
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    return "\n".join(re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE))


@pytest.mark.sample
def test_the_guide_leads_from_a_key_to_a_booked_slot_to_a_webhook(engine: Engine, tmp_path: Path) -> None:
    if engine.name == "postgresql":
        pytest.skip("the commands are the same whatever the database")
    database_url = engine.new_database("portal_guide")
    manage(database_url, "demo")
    allowed = {"WEBHOOK_PRIVATE_NETWORKS": "127.0.0.0/8"}
    env = environment(database_url, **allowed)
    with portal(database_url, tmp_path / "web.log", workers=2, **allowed) as server:
        script = commands().replace("http://127.0.0.1:8000", server.url)
        script = script.replace(".venv/bin/python manage.py", f"{sys.executable} {ROOT / 'manage.py'}")
        with subprocess.Popen([sys.executable, str(ROOT / "manage.py"), "work"], cwd=ROOT, env=env) as worker:
            try:
                done = subprocess.run(
                    ["bash", "-euo", "pipefail", "-c", script],
                    cwd=tmp_path,
                    env=env,
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
