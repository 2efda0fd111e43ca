"""Write the table of outcomes.md anew: ``python docs/protocol/outcomes.py``."""

from pathlib import Path

from sealgrid.receipts.outcomes import table

PAGE = Path(__file__).with_name("outcomes.md")
MARK = "## The table\n"


def page() -> str:
    """Return the page with the table as the code has it."""
    before, _, after = PAGE.read_text().partition(MARK)
    introduction = after.partition("\n\n")[0]
    return f"{before}{MARK}{introduction}\n\n{table()}"


if __name__ == "__main__":
    PAGE.write_text(page())
