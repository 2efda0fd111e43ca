"""SVG charts: well-formed, within their frame, with escaped labels."""

from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from sealgrid.web.html import charts


@given(st.lists(st.integers(0, 10**9), max_size=40), st.text(max_size=30))
def test_a_bar_chart_is_well_formed_with_a_bar_for_each_value(values, label):
    drawn = ET.fromstring(str(charts.bars(values, _printable(label))))
    assert len(drawn.findall("rect")) == len(values)
    assert drawn.attrib["aria-label"] == _printable(label)


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**18)), max_size=30), st.booleans())
def test_a_line_chart_is_well_formed_and_inside_its_frame(points, stairs):
    drawn = ET.fromstring(str(charts.line(sorted(points), "prices", stairs=stairs)))
    numbers = [float(word) for path in drawn.findall("path") for word in _numbers(path.attrib["d"])]
    assert all(-0.1 <= number <= charts.WIDTH + 0.1 for number in numbers)


@given(st.lists(st.integers(0, 40 * charts.DAY), max_size=50))
def test_each_time_of_the_last_days_is_counted_once(ages):
    now = 10**9
    assert sum(charts.count_by_day([now - age for age in ages], now)) == sum(age < 30 * charts.DAY for age in ages)


def test_the_text_of_the_axes_is_escaped():
    chart = str(charts.with_axes(charts.bars([1, 2], "two"), y=("0", "<b>"), x=("then", "now")))
    drawn = ET.fromstring(chart)
    assert [each.text for each in drawn.iter("span") if each.text] == ["<b>", "0", "then", "now"]


def test_a_strip_of_rounds_has_a_bar_for_each_window_as_high_as_its_dqf():
    drawn = ET.fromstring(str(charts.round_strip([(0, 9), (7200, 50), (14_400, 100)], 3600, 4)))
    heights = [float(bar.attrib["height"]) / (charts.HEIGHT - 2 * charts.PAD) for bar in drawn.findall("rect")]
    assert [round(100 * each) for each in heights] == [0, 50, 0, 100]  # a window without a round, and one too old
    assert str(charts.round_strip([], 3600, 4)) == ""


def test_a_depth_chart_adds_up_the_tasks_up_to_each_price():
    chart = str(charts.depth_chart([(10**9, 3), (2 * 10**9, 4)]))
    assert "7 tasks on offer to everyone, from 1 RLC to 2 RLC each" in chart
    assert "0 tasks on offer to everyone" in str(charts.depth_chart([]))


def test_a_price_chart_has_the_range_of_the_last_deals_and_is_empty_without_one():
    chart = str(charts.price_chart([(0, 10**9), (60, 3 * 10**9)], now=120.0))
    assert "from 1 RLC to 3 RLC in the last 2 deals" in chart
    assert charts.price_chart([], now=0.0) == ""


def _printable(text: str) -> str:
    return "".join(letter for letter in text if letter.isprintable())


def _numbers(path: str) -> list[str]:
    return [word for word in "".join(" " if letter.isalpha() else letter for letter in path).split() if word]
