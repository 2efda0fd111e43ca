"""Folder of the files that set-up fetched: ``.cache`` of a checkout, else one in the user's cache."""

import os
from pathlib import Path
from typing import Final

import platformdirs

ENVIRONMENT: Final = "SEALGRID_CACHE"
_CHECKOUT: Final = Path(__file__).resolve().parents[3]


def set_up_cache() -> Path:
    """Return SEALGRID_CACHE, else ``.cache`` of the checkout that this file is in, else the user's cache folder."""
    if chosen := os.environ.get(ENVIRONMENT):
        return Path(chosen)
    if checkout := checkout_folder():
        return checkout / ".cache"
    return Path(platformdirs.user_cache_dir("sealgrid"))


def checkout_folder() -> Path | None:
    """Return the checkout that this file is in; None for an installed package."""
    return _CHECKOUT if (_CHECKOUT / "requirements" / "apps.txt").is_file() else None
