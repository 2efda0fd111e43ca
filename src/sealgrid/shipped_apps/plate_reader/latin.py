"""Forms of European licence plates with Latin letters, for drawing texts and for reading them.

A form is one sign for each character; ``CLASSES`` says which characters a sign stands for. Hyphens, spaces, seals
and Germany's umlauts are left out. Sources: the registration rules of each country, for private cars.
"""

import random
from types import MappingProxyType

DIGITS = "0123456789"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CHARACTERS = DIGITS + LETTERS


def _without(letters: str) -> str:
    return "".join(letter for letter in LETTERS if letter not in letters)


CLASSES = MappingProxyType(
    {
        "9": DIGITS,
        "1": DIGITS[1:],
        "A": LETTERS,
        "C": _without("AEIOUQ"),  # Spain
        "F": _without("IOU"),  # France
        "G": _without("IOQU"),  # Italy
        "P": _without("KWY"),  # Portugal, before 2020
        "U": _without("IQZ"),  # United Kingdom, place of registration
        "W": _without("IQ"),  # United Kingdom
        "N": _without("ACEIMOQUWY"),  # Netherlands
    }
)
_GERMAN = tuple(
    ("A" * town, "A" * letters, "1" + "9" * (digits - 1))
    for town in (1, 2, 3)
    for letters in (1, 2)
    for digits in (1, 2, 3, 4)
    if 4 <= town + letters + digits <= 8
)
#: the forms of each country, each as groups with a gap between them on the plate
GROUPS = MappingProxyType(
    {
        "ES": (("9999", "CCC"),),
        "FR": (("FF", "999", "FF"),),
        "DE": _GERMAN,
        "IT": (("GG", "999", "GG"),),
        "PT": (("AA", "99", "AA"), ("99", "PP", "99"), ("99", "99", "PP")),
        "GB": (("UU99", "WWW"),),
        "NL": (
            ("NN", "999", "N"),
            ("N", "999", "NN"),
            ("99", "NNN", "9"),
            ("9", "NNN", "99"),
            ("NNN", "99", "N"),
            ("99", "NN", "NN"),
        ),
    }
)
COUNTRIES = tuple(GROUPS)
FORMS = tuple(dict.fromkeys("".join(groups) for country in COUNTRIES for groups in GROUPS[country]))


def random_groups(chance: random.Random, country: str) -> tuple[str, ...]:
    """Return the groups of characters of a random plate."""
    groups = chance.choice(GROUPS[country])
    return tuple("".join(chance.choice(CLASSES[sign]) for sign in group) for group in groups)
