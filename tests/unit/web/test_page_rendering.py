"""What strangers write stays text, charts are well-formed, and times and sizes read as people say them."""

from html.parser import HTMLParser
from xml.etree import ElementTree as ET

from hypothesis import example, given
from hypothesis import strategies as st

from sealgrid.web import charts
from sealgrid.web.identicon import glyph
from sealgrid.web.rendering import counted, duration, markdown, short, size

HARMLESS = {
    "a",
    "blockquote",
    "br",
    "code",
    "em",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "s",
    "strong",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
}


class Elements(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


@given(st.text(alphabet=st.sampled_from("<>/\"'=ab#*_-|`[]()!&;: \nscriptjavon"), max_size=80))
@example("<script>alert(1)</script>")
@example("[x](javascript:alert(1))")
@example("![x](https://evil.example/x.png)")
@example("[x](data:text/html;base64,PHNjcmlwdD4=)")
@example("<a onclick=alert(1)>")
def test_a_readme_becomes_harmless_elements_only(text):
    parser = Elements()
    parser.feed(str(markdown(text)))
    for tag, attributes in parser.found:
        assert tag in HARMLESS
        assert not [name for name in attributes if name.startswith("on")]
        assert not (attributes.get("href") or "").lower().startswith(("javascript:", "data:", "vbscript:"))


def test_a_readme_of_brackets_alone_is_shown_as_it_was_written():
    assert markdown("<[" * 501) == "<pre>" + "&lt;[" * 501 + "</pre>"
    assert "<pre>" not in markdown("[a](/b) " * 500)


def test_the_headings_of_a_readme_stand_below_those_of_the_page():
    assert "<h3>Title</h3>" in markdown("# Title")
    assert "<h6>Deep</h6>" in markdown("###### Deep")


@given(st.lists(st.integers(0, 10**9), max_size=40), st.text(max_size=30))
def test_bars_are_well_formed_and_one_for_each_value(values, label):
    drawn = ET.fromstring(str(charts.bars(values, _printable(label))))
    assert len(drawn.findall("rect")) == len(values)
    assert drawn.attrib["aria-label"] == _printable(label)


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**18)), max_size=30), st.booleans())
def test_lines_are_well_formed_and_stay_inside(points, stairs):
    drawn = ET.fromstring(str(charts.line(sorted(points), "prices", stairs=stairs)))
    numbers = [float(word) for path in drawn.findall("path") for word in _numbers(path.attrib["d"])]
    assert all(-0.1 <= number <= charts.WIDTH + 0.1 for number in numbers)


@given(st.lists(st.integers(0, 40 * charts.DAY), max_size=50))
def test_every_use_of_the_last_days_is_counted_once(ages):
    now = 10**9
    assert sum(charts.per_day([now - age for age in ages], now)) == sum(age < 30 * charts.DAY for age in ages)


def test_two_addresses_look_different_and_one_always_the_same():
    assert glyph("0x01") == glyph("0x01") != glyph("0x02")


def test_sizes_and_addresses_read_as_people_say_them():
    assert (size(999), size(1000), size(7_537_271), size(2 << 30)) == ("999 bytes", "1.0 kB", "7.5 MB", "2.1 GB")
    assert short("0x1234567890abcdef1234567890abcdef12345678") == "0x123456…345678"


def test_words_at_the_ends_of_a_charts_axes_are_text():
    framed = str(charts.framed(charts.bars([1, 2], "two"), y=("0", "<b>"), x=("then", "now")))
    drawn = ET.fromstring(framed)
    assert [each.text for each in drawn.iter("span") if each.text] == ["<b>", "0", "then", "now"]


def test_lengths_of_time_and_counts_read_as_people_say_them():
    assert [duration(seconds) for seconds in (45, 210, 300, 25_200, 172_800)] == [
        "45 s",
        "210 s",
        "5 min",
        "7 h",
        "2 d",
    ]
    assert [counted(number, "task") for number in (0, 1, 99_996)] == ["0 tasks", "1 task", "99,996 tasks"]


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())


def _numbers(path: str) -> list[str]:
    return [word for word in "".join(" " if letter.isalpha() else letter for letter in path).split() if word]
