"""Regenerate the table of outcomes.md: ``python docs/protocol/outcomes.py``."""

from pathlib import Path

from sealgrid.receipts.outcomes import table

PAGE = Path(__file__).with_name("outcomes.md")
MARK = "## The table\n"


def page() -> str:
    """Return the page with the table of the code."""
    before, _, after = PAGE.read_text().partition(MARK)
    introduction = after.partition("\n\n")[0]
    return f"{before}{MARK}{introduction}\n\n{table()}"


if __name__ == "__main__":
    PAGE.write_text(page())
