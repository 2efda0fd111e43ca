"""What ``sealgrid ados evaluate`` measures: stations, rows, faults, severities, lengths and seeds.

All of it was committed before a model was trained. The seeds 101 and 102 served to design the method; the evaluation
uses others.
"""

from typing import Final

INTERVAL: Final = 600  #: seconds between two readings of a sensor
ROWS_A_DAY: Final = 86_400 // INTERVAL
FIRST_SLOT: Final = 1_767_225_600 // INTERVAL  #: 1 January 2026, UTC

STATIONS: Final = 20
TRAINING_ROWS: Final = 42 * ROWS_A_DAY
VALIDATION_ROWS: Final = 14 * ROWS_A_DAY
TEST_ROWS: Final = 10 * ROWS_A_DAY

SEEDS: Final = (11, 23, 37, 53, 71)
DESIGN_SEEDS: Final = (101, 102)

#: in standard deviations of a station's clean readings around its daily cycle; a late reading's in intervals
SEVERITIES: Final = (2, 4, 8)
WITH_SEVERITY: Final = ("point", "contextual", "collective", "late")
FAULTS: Final = ("point", "contextual", "collective", "stuck", "missing", "late", "duplicate")

#: shortest and longest fault in rows
LENGTHS: Final = {
    "point": (1, 1),
    "contextual": (6, 18),
    "collective": (24, 72),
    "stuck": (12, 48),
    "missing": (1, 24),
    "late": (1, 24),
    "duplicate": (1, 1),
}
FAULT_SHARE: Final = 0.04  #: of the readings of a test set
GAP: Final = 12  #: fewest rows between two faults of one station
