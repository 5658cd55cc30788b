"""The portal's own settings in a process that asks again after a second for what was away.

A minute, as it is meant, would leave every round of a fault but the first without anything to break.
"""

from portal import redis_link, replica
from portal.settings import *  # noqa: F403 - the portal's own settings

redis_link._AWAY_SECONDS = 1
# One that is killed is noticed at once; one that is slow on a busy machine is none that is away.
redis_link._TIMEOUT_SECONDS = 120
replica._AWAY_SECONDS = 1
