"""How gunicorn serves the portal; the environment overrides what machines differ in."""

import os
import tempfile
from pathlib import Path
from typing import Any

from portal import metrics_files
from portal.environment import forget_empty

forget_empty()

# More threads than this on one machine wait for the database, not for a processor.
MOST_WORKERS = 8


def cores() -> int:
    """Return how many processors this process may use; a container's may be fewer than the machine's."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


bind = f"{os.environ.get('BIND', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
wsgi_app = "portal.wsgi"
# Threads, since a sync worker is held up by one idle connection.
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY") or min(max(cores(), 2), MOST_WORKERS))
threads = int(os.environ.get("WEB_THREADS", "4"))
# Workers are renewed now and then, not all at once.
max_requests = 20_000
max_requests_jitter = 2_000
keepalive = 5
timeout = 30
graceful_timeout = 20
# Two instances of one user would take over each other's control socket.
control_socket_disable = True
# Bounds on what a request line and its headers may hold.
limit_request_line = 4094
limit_request_fields = 60
limit_request_field_size = 8190
# Nobody but the configured proxies may say what scheme or path a request had.
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "")
forwarder_headers = ""
# Addresses of guest links are secrets: requests are logged by the proxy in front, if anywhere.
accesslog = None
errorlog = "-"
loglevel = os.environ.get("GUNICORN_LOG_LEVEL", "warning")

# A folder for the numbers of all workers, in memory where that can be: a full disk must not stop them.
_MEMORY = "/dev/shm"  # noqa: S108 - a folder of its own is made in it


def on_starting(_server: Any) -> None:
    """Make the folder where the workers keep their numbers, unless the environment names one."""
    if metrics_files.folder() is None:
        place = _MEMORY if os.access(_MEMORY, os.W_OK) else tempfile.gettempdir()
        metrics_files.clear_left(place)
        os.environ[metrics_files.VARIABLE] = metrics_files.make_folder(place)
    else:
        Path(os.environ[metrics_files.VARIABLE]).mkdir(parents=True, exist_ok=True)
        metrics_files.bury_all_dead()


def post_fork(_server: Any, _worker: Any) -> None:
    """Take room for a worker's numbers, before the portal is loaded; it never is in the master."""
    metrics_files.take_room()


def child_exit(_server: Any, worker: Any) -> None:
    """Keep what a worker that ended has counted."""
    metrics_files.bury(worker.pid)


def on_exit(_server: Any) -> None:
    """Leave nothing behind."""
    metrics_files.remove_own()
