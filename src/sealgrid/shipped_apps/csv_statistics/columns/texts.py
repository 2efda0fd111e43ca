"""Statistics of a column of texts: the texts in ten rows or more, and the number of rows with other texts."""

from .column import Texts
from .notes import MIN_ROWS

MAX_TEXTS = 20


def describe_texts(column: Texts) -> dict[str, object]:
    """Return the statistics of a column with at least ``MIN_ROWS`` values; ``others`` is 0 or at least ``MIN_ROWS``."""
    ordered = sorted(column.counts.items(), key=lambda item: (-item[1], item[0]))
    frequent = [(text, rows) for text, rows in ordered[:MAX_TEXTS] if rows >= MIN_ROWS]
    others = column.counts.total() - sum(rows for _, rows in frequent)
    while frequent and 0 < others < MIN_ROWS:
        others += frequent.pop()[1]
    return {"most_frequent": [{"value": text, "rows": rows} for text, rows in frequent], "others": others}
