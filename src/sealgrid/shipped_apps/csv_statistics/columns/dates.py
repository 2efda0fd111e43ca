"""Statistics of a column of dates; each describes ten rows or more, as those of numbers do."""

import datetime as dt
import math

from .column import Dates
from .numbers import histogram, quantile, quantile_shares, rounded


def describe_dates(column: Dates) -> dict[str, object]:
    """Return the statistics of a column with at least ``MIN_ROWS`` values: dates, and a deviation in days."""
    values = sorted(column.values)
    mean = math.fsum(values) / len(values)
    deviation = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
    bins = histogram(values, mean, deviation, least_step=1.0)
    return {
        "mean": _date(mean),
        "deviation_days": rounded(deviation),
        "quantiles": {str(share): _date(quantile(values, share)) for share in quantile_shares(len(values))},
        "histogram": [{**each, "from": _date(each["from"]), "to": _date(each["to"])} for each in bins],
    }


def _date(ordinal: object) -> str | None:
    return dt.date.fromordinal(round(ordinal)).isoformat() if isinstance(ordinal, float) else None
