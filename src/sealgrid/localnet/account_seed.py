"""The secret of a shared network's accounts. Parts that use no chain import this module, and none of the chain's."""

import os
from typing import Final

from sealgrid.errors import InputRefused
from sealgrid.localnet.layout import Layout
from sealgrid.storage.atomic_file import write_file

_SEED_BYTES: Final = 32


def is_shared(layout: Layout) -> bool:
    """Return whether the network was made for other machines, with private accounts."""
    return layout.account_seed.exists()


def make_private(layout: Layout) -> None:
    """Give a new network private accounts; raise InputRefused if it was made with development accounts."""
    if is_shared(layout):
        return
    if layout.foundation.exists():
        raise InputRefused(
            f"the network in {layout.root} has development accounts, whose keys are public, so it cannot be shared; "
            "make another network with --home DIR."
        )
    write_file(layout.account_seed, os.urandom(_SEED_BYTES).hex().encode())
