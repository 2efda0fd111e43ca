"""Statistics of a column of texts: those in ten rows or more, and the number of rows with others."""

from .table import LEAST, Texts

MOST_LISTED = 20


def describe_texts(column: Texts) -> dict[str, object]:
    """Return what a result tells of a column with at least ``LEAST`` values; others are none, or ``LEAST`` or more."""
    ordered = sorted(column.counts.items(), key=lambda item: (-item[1], item[0]))
    listed = [(text, rows) for text, rows in ordered[:MOST_LISTED] if rows >= LEAST]
    others = column.counts.total() - sum(rows for _, rows in listed)
    while listed and 0 < others < LEAST:
        others += listed.pop()[1]
    return {"most_frequent": [{"value": text, "rows": rows} for text, rows in listed], "others": others}
