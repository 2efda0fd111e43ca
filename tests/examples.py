"""How many examples a slow property gets."""

import os


def examples(few: int, many: int) -> int:
    """Return ``few``, or under ``make fuzz`` ``many``."""
    return many if os.environ.get("SEALGRID_EXAMPLES") == "many" else few
