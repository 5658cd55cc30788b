"""Serve the portal on this machine with demo data: web server and worker, until Ctrl+C.

PORT and BIND choose where (127.0.0.1:8000); DEMO=0 leaves the demo data out. Every other
variable of docs/operations.md holds too.
"""

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
GRACE_SECONDS = 25


def environment() -> dict[str, str]:
    """Return the environment of a laptop: plain HTTP on loopback, a secret key of its own."""
    env = dict(os.environ)
    env.setdefault("PORT", "8000")
    env.setdefault("BIND", "127.0.0.1")
    env.setdefault("PLAIN_HTTP", "1")
    env.setdefault("PUBLIC_URL", f"http://127.0.0.1:{env['PORT']}")
    if "SECRET_KEY" not in env:
        path = Path(env.setdefault("SECRET_KEY_FILE", str(ROOT / "var" / "secret_key")))
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(50))
    (ROOT / "var").mkdir(exist_ok=True)
    return env


def is_free(host: str, port: int) -> bool:
    """Tell whether nobody listens there yet."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def stop(children: list[subprocess.Popen[bytes]]) -> None:
    """Ask all children to end, and make those that do not."""
    for child in children:
        if child.poll() is None:
            child.terminate()
    until = time.monotonic() + GRACE_SECONDS
    for child in children:
        try:
            child.wait(max(until - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            child.kill()


def main() -> int:
    """Prepare, then run web server and worker; when one ends, the other does too."""
    env = environment()
    host, port = env["BIND"], env["PORT"]
    if not port.isdecimal() or not 0 < int(port) < 65536:
        print(f"PORT={port} is no port.", file=sys.stderr)
        return 2
    if not is_free(host, int(port)):
        print(f"Port {port} is in use. Choose another: make run PORT=8001", file=sys.stderr)
        return 1
    manage = [sys.executable, str(ROOT / "manage.py")]
    demo = [] if env.get("DEMO") == "0" else ["--demo"]
    if subprocess.run([*manage, "prepare", *demo], cwd=ROOT, env=env, check=False).returncode:
        return 1

    def interrupted(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupted)
    children: list[subprocess.Popen[bytes]] = []
    try:
        web = [sys.executable, "-m", "gunicorn", "--config", str(ROOT / "gunicorn.conf.py")]
        for command in (web, [*manage, "work"]):
            child = subprocess.Popen(command, cwd=ROOT, env=env, start_new_session=True)
            children.append(child)  # one by one: what has been started is stopped, whatever comes
        print(f"\nThe portal:  http://{host}:{port}/   (Ctrl+C ends it)\n", flush=True)
        while all(child.poll() is None for child in children):
            time.sleep(0.3)
        print("A part of the portal has ended; stopping the rest.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0
    finally:
        stop(children)


if __name__ == "__main__":
    sys.exit(main())
