"""The guide for operators, command by command, as it would be pasted."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.requirements import skip_or_fail
from tests.servers import ROOT, WAIT_SECONDS, free_port

# The set-up would make an environment of its own, which takes a minute: this one is as good.
_SET_UP = "python3 tools/setup.py runtime"


def commands() -> str:
    """Return the guide's shell commands, one after the other."""
    text = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return "\n".join(block for block in blocks if "NAME" not in block)


def test_the_guide_leads_from_an_empty_folder_to_a_restored_backup(tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        skip_or_fail("curl is not installed")
    port = str(free_port())
    script = commands().replace(":8000", f":{port}").replace(_SET_UP, ":")
    script = script.replace(".venv/bin/python manage.py", f"{sys.executable} {ROOT / 'manage.py'}")
    # Files of the guide lie in the test's folder; the server has its own, the portal's.
    script = script.replace("sqlite:///", f"sqlite:///{tmp_path}/").replace(
        "=secret_key", f"={tmp_path}/secret_key"
    )
    known = {"PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT"}
    env = {name: value for name, value in os.environ.items() if name in known}
    # Once it has begun, a script that fails leaves nothing running.
    guarded = (
        f"trap 'test ! -f portal.pid || kill $(cat portal.pid) 2>/dev/null || true' EXIT\n{script}\nwait"
    )
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", guarded],
        cwd=tmp_path,
        env={**env, "PORT": port, "WEB_CONCURRENCY": "2"},
        capture_output=True,
        text=True,
        check=False,
        timeout=2 * WAIT_SECONDS,
    )
    log = (tmp_path / "portal.log").read_text() if (tmp_path / "portal.log").exists() else ""
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:] + log[-2000:]
    assert '"ready": true' in done.stdout
    assert 'portal_waiting{kind="mail"} 0.0' in done.stdout
    assert "Verified: rows, keys, constraints, journal and guards are in order." in done.stdout
    assert "Traceback" not in log
