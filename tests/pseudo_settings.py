"""The journeys' settings with translations from another folder: languages that tests have made up."""

import os
from pathlib import Path

from portal.languages import found_in
from tests.journeys.clock_settings import *  # noqa: F403 - all of them

LOCALE_PATHS = [Path(os.environ["PSEUDO_LOCALE"])]
LANGUAGES = found_in(LOCALE_PATHS)
