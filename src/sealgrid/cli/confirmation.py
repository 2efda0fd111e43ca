"""Questions that a person answers before a command acts."""

import sys

import typer

from sealgrid.errors import InputRefused


def confirm(question: str, *, elsewhere: str) -> None:
    """Return after a person confirms; exit with 1 for a no. Raise InputRefused of ``elsewhere`` without a terminal."""
    if not sys.stdin.isatty():
        raise InputRefused(elsewhere, money="")
    if not typer.confirm(question, err=True):
        raise typer.Exit(1)
