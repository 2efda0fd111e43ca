"""The error with which csv-statistics ends."""


class TableRefused(Exception):
    """The table is invalid; the message is one line for the buyer and names lines by number: it quotes no cell."""
