"""Turn what a page shows into HTML; whatever a stranger wrote is escaped, and Markdown of theirs may hold no HTML."""

import datetime as dt
from collections.abc import Callable
from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt
from markupsafe import Markup

from sealgrid.sdk.amounts import Amount
from sealgrid.web.dev_wallet import DevelopmentWallets
from sealgrid.web.identicon import glyph
from sealgrid.web.js_modules import MAP

MOST_README = 64 << 10  #: characters
MOST_BRACKETS = 500  #: opening ones of links: for each of them Markdown looks for its end through all the rest
MOST_RENDERED = 256  #: texts whose HTML is kept
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_markdown = MarkdownIt("js-default", {"html": False, "linkify": False}).disable("image")


def environment(people: DevelopmentWallets) -> Environment:
    """Return the templates; ``people`` names the development accounts of a local network."""
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
        "who": lambda address: people.name(address) or short(address),
        "size": size,
        "moment": moment,
        "duration": duration,
        "counted": counted,
        "percent": lambda share: "–" if share is None else f"{share:.0%}",  # noqa: RUF001  a dash for nothing yet
        "markdown": markdown,
        "glyph": glyph,
    }
    env.filters |= filters
    env.globals["modules"] = Markup(MAP)  # noqa: S704  our own constant
    return env


@lru_cache(MOST_RENDERED)
def markdown(text: str) -> Markup:
    """Return a stranger's Markdown as HTML without any HTML, picture or script of theirs.

    Its headings stand two levels lower: the page has its own. Text with too many brackets stays as it was written.
    """
    text = text[:MOST_README]
    if text.count("[") > MOST_BRACKETS:
        return Markup("<pre>{}</pre>").format(text)
    tokens = _markdown.parse(text)
    for token in tokens:
        if token.type.startswith("heading"):
            token.tag = f"h{min(6, int(token.tag[1:]) + 2)}"
    html = _markdown.renderer.render(tokens, _markdown.options, {})
    return Markup(html)  # noqa: S704  the renderer escapes; HTML is switched off


def short(address: str) -> str:
    """Return an address or digest that fits a line; its whole form belongs beside it."""
    return f"{address[:8]}…{address[-6:]}" if len(address) > 18 else address


def size(count: int) -> str:
    """Return a number of bytes as people say it."""
    value = float(count)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            return f"{count} bytes" if unit == "bytes" else f"{value:.1f} {unit}"
        value /= 1000
    raise AssertionError


def moment(unix: float) -> Markup:
    """Return a time as a ``time`` element, in UTC."""
    at = dt.datetime.fromtimestamp(unix, dt.UTC)
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), at.strftime("%Y-%m-%d %H:%M:%S"))


def day(unix: float) -> str:
    """Return the day of a time, in UTC."""
    return dt.datetime.fromtimestamp(unix, dt.UTC).strftime("%Y-%m-%d")


def minute(unix: float) -> str:
    """Return a time to the minute, in UTC."""
    return dt.datetime.fromtimestamp(unix, dt.UTC).strftime("%Y-%m-%d %H:%M")


def duration(seconds: int) -> str:
    """Return a length of time in its largest whole unit: 7 h, 210 s."""
    for length, unit in _UNITS:
        if seconds >= 2 * length and seconds % length == 0:
            return f"{seconds // length} {unit}"
    return f"{seconds} s"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, its thousands apart: 1 pool, 99,996 tasks."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
