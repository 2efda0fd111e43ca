"""Marks of apps: which are built from this release, and which only have the name of a shipped app.

Names on the chain are not unique, and anyone can choose one. The digest of an app says what its code is.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final

from sealgrid.errors import InputRefused, InterpreterMismatch, SetupMissing
from sealgrid.sdk import shipped_apps
from sealgrid.sdk.operations.asset_names import parse_name
from sealgrid.sdk.operations.build import shipped_app_digests
from sealgrid.units import Digest

#: letters of other scripts, and digits, that look like a Latin letter (Unicode TR 39), after ``casefold``
_LOOK_ALIKES: Final = str.maketrans(
    "аеорсухіјѕԁһԛԝвкмнтαβεικνορτυχ01i|ı",  # noqa: RUF001  Cyrillic, Greek, digits and bars
    "aeopcyxljsdhqwbkmhtabelkvoptuxollll",
)
_SEPARATORS: Final = re.compile(r"[\W_]+")


class ReleaseMark(StrEnum):
    """What a comparison of an app's digest with the shipped apps says."""

    BUILT = "built from this release"
    LOOK_ALIKE = "NOT built from this release: other code under the name of a shipped app"
    NOT_COMPARED = "not compared with this release: this machine cannot build the shipped app of this name"


@dataclass(frozen=True, slots=True)
class ReleasedApps:
    """Digests of the shipped apps for one version of Python; none of an app that this machine cannot build."""

    digests: Mapping[str, frozenset[Digest]]  #: by name
    titles: Mapping[str, str]  #: by name

    def mark(self, digest: Digest, *names: str) -> ReleaseMark | None:
        """Return the mark of an app with these names and titles; None if it neither is nor looks like a shipped one."""
        if any(digest in known for known in self.digests.values()):
            return ReleaseMark.BUILT
        written = {_skeleton(name) for name in names}
        alike = [name for name in self.digests if {_skeleton(name), _skeleton(self.titles[name])} & written]
        if not alike:
            return None
        return ReleaseMark.LOOK_ALIKE if all(self.digests[name] for name in alike) else ReleaseMark.NOT_COMPARED


@lru_cache
def released_apps(python: str) -> ReleasedApps:
    """Return the shipped apps, built for ``python`` ("3.13") or as computed for this package; takes about a second."""
    return ReleasedApps(
        {name: _digests(name, python) for name in shipped_apps.RELEASED},
        {name: shipped_apps.title_of(name) for name in shipped_apps.RELEASED},
    )


def _digests(name: str, python: str) -> frozenset[Digest]:
    try:
        return shipped_app_digests(name, python)
    except (InputRefused, InterpreterMismatch, SetupMissing):
        return frozenset()


def _skeleton(name: str) -> str:
    """Return what a reader sees of a name: without case, version, separators, and differences of look-alike letters."""
    letters = unicodedata.normalize("NFKD", parse_name(name).base).casefold().translate(_LOOK_ALIKES)
    return _SEPARATORS.sub("", "".join(each for each in letters if not unicodedata.combining(each)))
