"""Start script of a confidential guest: adds the measured packages to the path and serves the host.

Copied to ``/runtime/guest.py``; started as ``python -I -S guest.py``.
"""

import sys

sys.path[:0] = ["/runtime/packages"]

if __name__ == "__main__":
    from sealgrid.platform.guest import main

    sys.exit(main())
