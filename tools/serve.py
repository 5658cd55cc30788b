"""Serve the portal on this machine with demo data: web server and worker, until Ctrl+C.

PORT and BIND choose where (127.0.0.1:8000); DEMO=0 leaves the demo data out. Every other
variable of docs/operations.md holds too.
"""

import os
import secrets
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def environment() -> dict[str, str]:
    """Return the environment of a laptop: plain HTTP on loopback, a secret key of its own."""
    # What is set to nothing is not set: make hands such a variable on where one is exported and has no value.
    env = {name: value for name, value in os.environ.items() if value}
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


def main() -> int:  # noqa: RET503 - it ends by becoming another program
    """Prepare, then serve."""
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

    print(f"\nThe portal:  http://{host}:{port}/   (Ctrl+C ends it)\n", flush=True)
    # From here on `manage.py serve` is this process.
    os.execve(sys.executable, [*manage, "serve"], env)  # noqa: S606 - a program and arguments of ours


if __name__ == "__main__":
    sys.exit(main())
