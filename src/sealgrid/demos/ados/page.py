"""The page of a scored day: one HTML file with the picture in it, and the rounds as a table."""

import base64
from datetime import UTC, datetime
from html import escape

from sealgrid.demos.ados.day import ScoredDay

_STYLE = """
:root { color-scheme: light dark; --ink: #14201f; --soft: #55645f; --page: #f6f8f7; --card: #fff; --line: #d9e1de; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6efec; --soft: #9db0aa; --page: #0e1514; --card: #16201e; --line: #2a3835; }
}
body { margin: 0 auto; max-width: 80rem; padding: 1.5rem; font: 100%/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--page); }
h1 { margin: 0; } p { color: var(--soft); max-width: 70ch; }
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: 12px; background: #fff; }
img { display: block; width: 100%; min-width: 60rem; height: auto; }
table { width: 100%; border-collapse: collapse; background: var(--card); margin: .5rem 0 1.5rem; }
th, td { text-align: left; padding: .35rem .6rem; border-bottom: 1px solid var(--line); vertical-align: baseline; }
th { color: var(--soft); font-weight: 500; } .number { text-align: right; font-variant-numeric: tabular-nums; }
code { font-size: .85em; overflow-wrap: anywhere; }
"""


def page_of(day: ScoredDay, png: bytes, feed: str) -> str:
    """Return the page; it loads nothing."""
    frame = day.frame
    date = datetime.fromtimestamp(frame.first_slot * frame.interval, UTC).strftime("%d %B %Y")
    faulty = day.faults != ""
    found = int((day.alarms() & faulty).sum())
    image = base64.b64encode(png).decode()
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Data quality on {date}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>Data quality of {len(frame.sensors)} stations on {date}</h1>
<p>The readings were scored in shards on several machines, in enclaves that their owners cannot look into. A Data
Quality Factor (DQF) of 50 or less counts as faulty: {found} of {int(faulty.sum())} faulty readings were found.</p>
<div class="wide" tabindex="0" role="region" aria-label="Picture">
<img src="data:image/png;base64,{image}" alt="Readings, DQF over time, injected faults and rounds of each station; the
tables below have the numbers">
</div>
<h2>Rounds on the chain</h2>
<p>Each station signed its readings. The contract <code>{escape(feed)}</code> accepted these rounds from enclaves that
verified the signatures.</p>
<table>
<thead><tr><th scope="col">Station</th><th scope="col">Window, UTC</th><th scope="col" class="number">DQF</th>
<th scope="col">Reason</th><th scope="col">Task</th></tr></thead>
<tbody>{"".join(_round_row(day, name) for name in frame.sensors)}</tbody>
</table>
<h2>Faults that were injected</h2>
<table>
<thead><tr><th scope="col">Class</th><th scope="col" class="number">Readings</th>
<th scope="col" class="number">Found</th></tr></thead>
<tbody>{"".join(_fault_row(name, *counts) for name, counts in day.found_by_fault().items())}</tbody>
</table>
</main>
</body>
</html>
"""


def _round_row(day: ScoredDay, sensor: str) -> str:
    found = day.of(sensor)
    if found is None:
        return f'<tr><th scope="row">{escape(sensor)}</th><td colspan="4">none</td></tr>'
    start, end = (datetime.fromtimestamp(each, UTC).strftime("%H:%M") for each in (found.start, found.end))
    reason = "no fault" if found.reason == "none" else escape(found.reason)
    task = f'<code title="{escape(found.task)}">{escape(found.task[:10])}…</code>'
    return (
        f'<tr><th scope="row">{escape(sensor)}</th><td>{start} to {end}</td><td class="number">{found.dqf}</td>'
        f"<td>{reason}</td><td>{task}</td></tr>"
    )


def _fault_row(name: str, found: int, injected: int) -> str:
    return (
        f'<tr><th scope="row">{escape(name)}</th><td class="number">{injected}</td><td class="number">{found}</td></tr>'
    )
