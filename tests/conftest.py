"""What all tests share: properties may take their time on a busy machine, and CI tries more examples."""

import os

from hypothesis import settings

settings.register_profile("quick", deadline=None)
settings.register_profile("ci", deadline=None, max_examples=200)
settings.load_profile("ci" if os.environ.get("CI") else "quick")
