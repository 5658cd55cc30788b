"""The portal's own settings in a process for which it is one moment for ever, and that gives nothing up.

What is counted by the minute, or believed for some seconds, then depends on nobody's speed.
"""

import os
from datetime import datetime, timedelta

from django.utils import timezone

from portal import redis_link, replica
from portal.settings import *  # noqa: F403 - the portal's own settings

_MOMENT = datetime.fromisoformat(os.environ["TEST_CLOCK_STANDS_AT"])

timezone.now = lambda: _MOMENT
# A Redis that is killed is noticed at once; one that is slow is none that is away.
redis_link._TIMEOUT_SECONDS = 120
# How far behind a replica is, is looked at every time; a worker's sign of life stays a fresh one.
replica._ASK_AGAIN_SECONDS = 0
replica._MOST_BEHIND = timedelta(hours=1)
