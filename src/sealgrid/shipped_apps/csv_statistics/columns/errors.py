"""The error that csv-statistics ends with."""


class TableRefused(Exception):
    """The table cannot be used; one line for the buyer, who must not see a cell of it: lines and columns by number."""
