"""Rules on single sensors: equal, far, jumping, missing, late and doubled readings, in thousandths of a bound."""

from dataclasses import dataclass

import numpy as np

from .calibration import MAX_RUN, Calibration
from .readings import Booleans, Integers

BOUND = 1000  #: exactly the bound of a rule
MAX_MEASURE = 64 * BOUND
RANGE_MARGIN = 10  #: a value beyond the clean range by a tenth of the range is at the bound

ROWS_AROUND = MAX_RUN - 1  #: rows before and after a reading on which its rules depend


@dataclass(frozen=True)
class RuleMeasures:
    """What the rules measured of each reading [R, N]."""

    stuck: Integers  #: length of its run of equal readings, complete or up to the end of the data
    beyond: Integers  #: distance to the clean range
    step: Integers  #: the lesser of its changes since the row before and to the row after
    missing: Integers  #: 0 or ``BOUND``
    late: Integers  #: delay
    repeated: Integers  #: ``BOUND`` for each further reading of the slot


def measure_rules(
    calibration: Calibration, values: Integers, present: Booleans, delays: Integers, copies: Integers
) -> RuleMeasures:
    """Apply the rules; arrays are [R, S] for the S sensors of the calibration."""
    span = np.maximum((calibration.highest - calibration.lowest) // RANGE_MARGIN, 1)
    beyond = np.maximum(values - calibration.highest, calibration.lowest - values)
    return RuleMeasures(
        stuck=np.where(run_lengths(values, present) >= calibration.shortest_run, BOUND, 0),
        beyond=np.where(present, _share(np.maximum(beyond, 0), span), 0),
        step=_share(spikes(values, present), calibration.largest_step),
        missing=np.where(present, 0, BOUND),
        late=_share(np.maximum(delays, 0), calibration.longest_delay),
        repeated=np.minimum(copies, MAX_MEASURE // BOUND) * BOUND,
    )


def spikes(values: Integers, present: Booleans) -> Integers:
    """Return the lesser of each reading's changes to the rows before and after; the one where the other is unknown.

    After a spike the return to the level before is no change of this kind.
    """
    unknown = np.iinfo(np.int64).max
    before, after = np.full_like(values, unknown), np.full_like(values, unknown)
    change = np.where(present[1:] & present[:-1], np.abs(np.diff(values, axis=0)), unknown)
    before[1:], after[:-1] = change, change
    lesser = np.minimum(before, after)
    spikes: Integers = np.where(lesser == unknown, 0, lesser)
    return spikes


def run_lengths(values: Integers, present: Booleans) -> Integers:
    """Return how many equal readings in a row each reading belongs to, at most ``MAX_RUN``; 0 where none is present."""
    same = (values[1:] == values[:-1]) & present[1:] & present[:-1]
    before, after = np.zeros_like(values), np.zeros_like(values)
    for _ in range(MAX_RUN - 1):
        before[1:] = np.where(same, np.minimum(before[:-1] + 1, MAX_RUN), 0)
        after[:-1] = np.where(same, np.minimum(after[1:] + 1, MAX_RUN), 0)
    lengths: Integers = np.where(present, np.minimum(before + after + 1, MAX_RUN), 0)
    return lengths


def _share(amount: Integers, bound: Integers) -> Integers:
    """Return an amount in thousandths of a bound, without exceeding 64 bits."""
    limit = MAX_MEASURE // BOUND
    whole = np.minimum(amount // bound, limit)
    rest = np.where(whole < limit, amount % bound, 0)
    shift = np.where(bound >= 1 << 40, 20, 0)  # a thousandth of so large a bound does not need its last bits
    share: Integers = whole * BOUND + (rest >> shift) * BOUND // (bound >> shift)
    return share
