"""Jinja environment and filters of the pages. Text of other users is escaped; their Markdown may contain no HTML."""

import datetime as dt
import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from sealgrid.sdk.amounts import Amount
from sealgrid.web.static_files import IMPORT_MAP
from sealgrid.web.wallets.dev_wallets import DevelopmentWallets

MAX_README: Final = 64 << 10  #: characters
MAX_BRACKETS: Final = 500  #: the Markdown parser scans the rest of the text for each opening bracket
MAX_CACHED_MARKDOWN: Final = 256  #: texts whose HTML is cached
IDENTICON_CELLS: Final = 5
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_markdown = MarkdownIt("js-default", {"html": False, "linkify": False}).disable("image")


def environment(dev_wallets: DevelopmentWallets) -> Environment:
    """Return the template environment; ``dev_wallets`` names the development accounts of a local network."""
    env = Environment(
        loader=PackageLoader("sealgrid.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., object]] = {
        "rlc": lambda nrlc: str(Amount(nrlc)),
        "short": short,
        "account_name": lambda address: dev_wallets.name(address) or short(address),
        "size": size,
        "time": time_element,
        "duration": duration,
        "seconds": lambda value: f"{value:g} s",
        "counted": counted,
        "percent": lambda share: "–" if share is None else f"{share:.0%}",  # noqa: RUF001  a dash for no runs yet
        "markdown": markdown,
        "identicon": identicon,
    }
    env.filters |= filters
    env.globals["import_map"] = Markup(IMPORT_MAP)  # noqa: S704  our own constant
    return env


@lru_cache(MAX_CACHED_MARKDOWN)
def markdown(text: str) -> Markup:
    """Render another user's Markdown without raw HTML, images or scripts.

    Headings are lowered by two levels, below the page's own. Text with too many brackets is shown unrendered.
    """
    text = text[:MAX_README]
    if text.count("[") > MAX_BRACKETS:
        return Markup("<pre>{}</pre>").format(text)
    tokens = _markdown.parse(text)
    for token in tokens:
        if token.type.startswith("heading"):
            token.tag = f"h{min(6, int(token.tag[1:]) + 2)}"
    html = _markdown.renderer.render(tokens, _markdown.options, {})
    return Markup(html)  # noqa: S704  the renderer escapes; HTML is switched off


def identicon(address: str) -> Markup:
    """Return a symmetric 5 by 5 pattern of an address as SVG: tells apart assets of the same name."""
    digest = hashlib.sha256(address.encode()).digest()
    hue, half = int.from_bytes(digest[:2], "big") % 360, (IDENTICON_CELLS + 1) // 2
    cells = "".join(
        f'<rect x="{x}" y="{y}" width="1" height="1"/>'
        for y in range(IDENTICON_CELLS)
        for x in range(IDENTICON_CELLS)
        if digest[2 + y * half + min(x, IDENTICON_CELLS - 1 - x)] & 1
    )
    return Markup(  # noqa: S704  computed numbers only
        f'<svg class="identicon" viewBox="-1 -1 7 7" aria-hidden="true" fill="hsl({hue} 55% 48%)">{cells}</svg>'
    )


def short(address: str) -> str:
    """Abbreviate an address or digest; show the full form beside it."""
    return f"{address[:8]}…{address[-6:]}" if len(address) > 18 else address


def size(count: int) -> str:
    """Format a number of bytes with a decimal unit."""
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{count} bytes" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError


def time_element(unix: float) -> Markup:
    """Return a time as a ``time`` element, in UTC."""
    at = dt.datetime.fromtimestamp(unix, dt.UTC)
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), at.strftime("%Y-%m-%d %H:%M:%S"))


def day(unix: float) -> str:
    """Format a date, in UTC."""
    return dt.datetime.fromtimestamp(unix, dt.UTC).strftime("%Y-%m-%d")


def minute(unix: float) -> str:
    """Format a time to the minute, in UTC."""
    return dt.datetime.fromtimestamp(unix, dt.UTC).strftime("%Y-%m-%d %H:%M")


def duration(seconds: int) -> str:
    """Format a duration in its largest whole unit: 7 h, 210 s."""
    for length, unit in _UNITS:
        if seconds >= 2 * length and seconds % length == 0:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def counted(number: int, noun: str) -> str:
    """Format a number with its noun and thousands separators: 1 pool, 99,996 tasks."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
