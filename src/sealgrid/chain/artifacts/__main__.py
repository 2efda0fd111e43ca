"""``python -m sealgrid.chain.artifacts POCO_PACKAGE``: write the artifacts anew (from a checkout, with Vyper)."""

import sys
from pathlib import Path

from sealgrid.chain.artifacts.generate import written

_HERE = Path(__file__).parent
_CONTRACTS = _HERE.parents[3] / "contracts"

if __name__ == "__main__":
    for name, text in written(_CONTRACTS, Path(sys.argv[1])).items():
        _HERE.joinpath(name).write_text(text)
