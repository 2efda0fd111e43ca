"""Spellings of a missing value in spreadsheets, databases, R, pandas, SAS and Stata."""

_ALWAYS = (
    ", \\n, <na>, nan, nat, null, (null), [null], <null>, #n/a, #na, n/a, #null!, #div/0!, #value!, #ref!, "
    "#name?, #num!, #n/a n/a, #calc!, #spill!, #getting_data, #nv, #wert!, #bezug!, #zahl!, #n/d, #¡valor!, "
    "#valeur!, #nombre!, #nom?, -nan, +nan, 1.#ind, -1.#ind, 1.#qnan, -1.#qnan, 1.#inf, -1.#inf, 0000-00-00, "
    "0000-00-00 00:00:00, !wert, #fehlt, 9999-12-31, 9999-12-31 00:00:00, 9999-12-31 23:59:59, 31.12.9999, 31/12/9999, "
    "12/31/9999, 99991231, 0001-01-01, 0001-01-01 00:00:00, 0001-01-01t00:00:00, 01.01.0001, 01/01/0001, 1/1/0001, "
    "1900-01-00, err:502, err:522"
)
_AMONG_VALUES = (
    "na, n.a., n.a, n. a., none, nil, -, --, ---, –, —, −, ., .., ..., …, ?, ??, x, missing, unknown, undefined, "
    "not available, not applicable, no data, nodata, n/d, nd, n.d., k.a., k. a., ka, keine angabe, unbekannt, "
    "fehlt, entf., s.o., nr, n.r., n/r, nc, n.c., s.d., s/d, sin dato, inconnu, non disponible, non disponibile, "
    "brak, b.d., b/d, empty, blank, (blank), (leer), (empty), tbd, tba, inf, -inf, +inf, infinity, -infinity, "
    "+infinity, ∞, -∞, *, **, ***, :, ..c, _, #, na_real_, na_integer_, na_character_, ###, ####, #####, ######, "
    "#######, ########, #########"
)
#: never a word of its own: missing in a column of any kind; compared without letter case
ALWAYS_MISSING = frozenset(_ALWAYS.split(", "))
#: words and signs of some languages: missing where the column's other cells are numbers or dates
MISSING_AMONG_VALUES = frozenset(_AMONG_VALUES.split(", "))


def is_missing(cell: str) -> bool:
    """Return whether a cell has no value in a column of any kind."""
    return not cell or (len(cell) <= 20 and cell.casefold() in ALWAYS_MISSING)


def is_missing_among_values(cell: str) -> bool:
    """Return whether a cell has no value in a column of numbers or dates."""
    return len(cell) <= 20 and cell.casefold() in MISSING_AMONG_VALUES
