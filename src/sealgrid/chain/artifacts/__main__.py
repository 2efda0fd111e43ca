"""``python -m sealgrid.chain.artifacts POCO_PACKAGE``: regenerate the artifacts (in a checkout, with Vyper)."""

import sys
from pathlib import Path

from sealgrid.chain.artifacts.generate import render_artifacts

_HERE = Path(__file__).parent
_CONTRACTS = _HERE.parents[3] / "contracts"

if __name__ == "__main__":
    for name, text in render_artifacts(_CONTRACTS, Path(sys.argv[1])).items():
        _HERE.joinpath(name).write_text(text)
