"""Web server and worker under one command, for small sites."""

import os
import signal
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from portal.supervisor import Part, Supervisor


class Command(BaseCommand):
    """Run both until told to end."""

    help = (
        "Run web server and worker on this machine: SIGTERM ends both gracefully, SIGHUP reloads both, and "
        "whichever dies is started again."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Supervise; the web server's settings are those of gunicorn.conf.py."""
        os.chdir(settings.BASE_DIR)
        config = str(settings.BASE_DIR / "gunicorn.conf.py")
        manage = str(settings.BASE_DIR / "manage.py")
        Supervisor(
            [
                Part(
                    "web server",
                    [sys.executable, "-m", "gunicorn", "--config", config],
                    reload_signal=signal.SIGHUP,
                ),
                Part("worker", [sys.executable, manage, "work"], reload_signal=signal.SIGTERM),
            ]
        ).run()
