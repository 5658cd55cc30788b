"""The portal's own settings in a process whose clock is the journeys'."""

import os
import time

import time_machine

_AHEAD = float(os.environ["JOURNEYS_AHEAD_SECONDS"])
_clock = time_machine.travel(time.time() + _AHEAD, tick=True).start()  # noqa: TID251
# A process that was kept waiting between two of these would be late for ever after, and others before it.
while abs(_late := time_machine.escape_hatch.time.time() + _AHEAD - time.time()) > 0.001:  # noqa: TID251
    _clock.shift(_late)

from portal.settings import *  # noqa: E402, F403 - they may reckon from the time
