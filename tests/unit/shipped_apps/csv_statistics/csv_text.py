"""Writes CSV tables."""

import csv
import io


def table(rows, names=("city", "price"), delimiter=",") -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows([names, *rows])
    return text.getvalue().encode()
