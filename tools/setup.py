"""Set up .venv from the pinned requirements; only the standard library is needed.

Usage: python3 tools/setup.py runtime|dev

A stamp remembers what is installed, so that a second run takes no time.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = str(VENV / ("Scripts" if sys.platform == "win32" else "bin") / "python")
STAMP = VENV / "installed.txt"
# The pins name everything that is needed. Left to look for dependencies itself, an older pip asks for the
# newest release of one that is named with an extra (`coverage[toml]`), and no pin allows that.
EXACTLY = ("--require-hashes", "--no-deps", "-r")
# A pin with its hashes, which stand on lines of their own behind it.
PIN = re.compile(r"^[^\s#].*(?:\n[ \t].*)*", re.MULTILINE)
# Several at once, since most of the time goes into unpacking and compiling.
MOST_AT_ONCE = 4
# What a set contains besides itself: developers have the runtime's packages too.
CONTAINS = {"runtime": {"runtime"}, "dev": {"runtime", "dev"}}


def fingerprint(name: str) -> str:
    """Return what identifies a set of pins on this Python."""
    pins = (ROOT / "requirements" / f"{name}.txt").read_bytes()
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return f"{name} {version} {hashlib.sha256(pins).hexdigest()}"


def is_installed(name: str) -> bool:
    """Tell whether the set is there already, whole."""
    return STAMP.is_file() and fingerprint(name) in STAMP.read_text().splitlines()


def run(*command: str | Path) -> None:
    """Run a step; its failure ends the set-up."""
    subprocess.run([str(part) for part in command], cwd=ROOT, check=True)


def make_venv() -> None:
    """Make .venv anew; a half-made one is no use and goes."""
    if VENV.exists():
        shutil.rmtree(VENV)
    if shutil.which("uv"):
        run("uv", "venv", "--quiet", "--python", sys.executable, VENV)
        return
    made = subprocess.run(
        [sys.executable, "-m", "venv", str(VENV)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if made.returncode:
        # Debian without python3-venv: the folder can be made, only pip cannot be put into it.
        shutil.rmtree(VENV, ignore_errors=True)
        run(sys.executable, "-m", "venv", "--without-pip", VENV)


def install(pins: Path) -> None:
    """Install exactly the pinned files: their hashes are checked."""
    if shutil.which("uv"):
        run("uv", "pip", "install", "--quiet", "--python", PYTHON, *EXACTLY, pins)
        return
    own = subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, check=False).returncode
    pip = [PYTHON, "-m", "pip"] if own == 0 else [sys.executable, "-m", "pip", "--python", PYTHON]
    command = [*pip, "install", "--quiet", "--disable-pip-version-check", *EXACTLY]
    if not install_in_shares(command, PIN.findall(pins.read_text())):
        run(*command, pins)


def install_in_shares(command: list[str], pins: list[str]) -> bool:
    """Let several pips install a share of the pins each; tell whether all of them did.

    No package is in two shares, and none is looked for by another (`--no-deps`): they meet nowhere.
    What goes wrong is not told: it is for the one pip that tries it all again to say.
    """
    number = min(os.cpu_count() or 1, MOST_AT_ONCE)
    with tempfile.TemporaryDirectory() as folder:
        at_work = []
        for share in range(number):
            path = Path(folder) / f"{share}.txt"
            path.write_text("\n".join(pins[share::number]) + "\n")
            at_work.append(subprocess.Popen([*command, str(path)], cwd=ROOT, stderr=subprocess.DEVNULL))
        ended = [each.wait() for each in at_work]
    return not any(ended)


def main() -> int:
    """Set up what the first argument names."""
    if sys.version_info < (3, 11):  # noqa: UP036 - this file is what older Pythons meet first
        print("Python 3.11 or newer is needed.", file=sys.stderr)
        return 1
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if name not in CONTAINS:
        print("Usage: python3 tools/setup.py runtime|dev", file=sys.stderr)
        return 2
    if is_installed(name):
        return 0
    print(f"Setting up .venv ({name}); this takes a minute the first time …", flush=True)
    try:
        if not STAMP.is_file():
            make_venv()
        STAMP.unlink(missing_ok=True)
        install(ROOT / "requirements" / f"{name}.txt")
    except (subprocess.CalledProcessError, OSError) as error:
        print(f"The set-up failed: {error}", file=sys.stderr)
        print("It needs the package index, and either uv, python3-venv or pip.", file=sys.stderr)
        return 1
    STAMP.write_text("\n".join(fingerprint(part) for part in sorted(CONTAINS[name])) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
