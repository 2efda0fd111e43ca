"""Python versions of apps, and the compatibility of wheels with them (PEP 425)."""

import re
import sys
from typing import Final

PYTHON_PATTERN: Final = r"^3\.[0-9]{1,2}$"
_OLDEST_STABLE_ABI: Final = 2  #: abi3 begins with CPython 3.2 (PEP 384)


def running_python() -> str:
    """Return the version of this interpreter without its patch level: "3.13"."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def runs_on(filename: str, python: str) -> bool:
    """Return, by a wheel's file name, whether CPython ``python`` ("3.13") can import it (PEP 425).

    It can when the wheel is built for exactly that version, for the stable ABI of that or an earlier version, or is
    pure Python for that or an earlier version. The platform tag is ignored.
    """
    minor = int(python.partition(".")[2])
    pythons, abis, _ = filename.removesuffix(".whl").rsplit("-", 3)[-3:]
    return any(_fits(tag, abi, minor) for tag in pythons.split(".") for abi in abis.split("."))


def _fits(tag: str, abi: str, minor: int) -> bool:
    if tag == f"cp3{minor}":
        return abi in {tag, "abi3", "none"}
    match = re.fullmatch(r"(cp|py)3([0-9]{0,2})", tag)
    if match is None:
        return False
    implementation, version = match.group(1), int(match.group(2) or 0)
    if implementation == "py":
        return abi == "none" and version <= minor
    return abi == "abi3" and _OLDEST_STABLE_ABI <= version <= minor
