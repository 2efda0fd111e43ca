"""Conditions of task lists: from a URL, to the index, and back to a URL."""

from urllib.parse import parse_qs

import pytest
from litestar import Request

from sealgrid.errors import InputRefused, NotFound
from sealgrid.units import Address
from sealgrid.web.pages.task_filters import STATE_FILTERS, ListConditions, conditions_of, month_bounds

APP = Address("0x" + "ab" * 20)


def conditions(query: str) -> ListConditions:
    return conditions_of(Request({"type": "http", "query_string": query.encode(), "headers": []}))


def test_conditions_become_a_filter_of_the_index():
    task_filter = conditions(f"state=refunded&month=2026-11&app={APP}&model=0x{'CD' * 20}").task_filter()
    assert task_filter.parties == {"app": APP, "dataset": "0x" + "cd" * 20}
    assert (task_filter.state, task_filter.since, task_filter.until) == ("refunded", 1_793_491_200, 1_796_083_200)


def test_a_list_without_conditions_and_one_of_an_unknown_state_have_all_tasks():
    assert conditions("").task_filter() == conditions("state=lost").task_filter() == STATE_FILTERS[""]


@pytest.mark.parametrize("state", STATE_FILTERS)
def test_each_state_of_the_page_selects_its_tasks(state):
    selected = conditions(f"state={state}").task_filter()
    assert (selected.state, selected.exit_classes) == (STATE_FILTERS[state].state, STATE_FILTERS[state].exit_classes)


@pytest.mark.parametrize("query", ["app=iris", "buyer=0x12", f"model={APP}00"])
def test_a_party_that_is_not_an_address_is_not_found(query):
    with pytest.raises(NotFound, match="not a valid address"):
        conditions(query)


@pytest.mark.parametrize("month", ["2026", "2026-13", "november", "9999-12", "2026-11-01"])
def test_a_text_that_is_not_a_month_is_refused(month):
    with pytest.raises(InputRefused, match="is not a month; write it as 2026-11"):
        conditions(f"month={month}")


def test_december_ends_with_the_year():
    assert month_bounds("2026-12") == (1_796_083_200, 1_798_761_600)


def test_a_query_keeps_conditions_and_drops_what_a_change_empties():
    shown = conditions(f"state=paid&month=2026-11&app={APP}")
    assert parse_qs(shown.query(month="", page="2")) == {"state": ["paid"], "app": [APP], "page": ["2"]}


@pytest.mark.parametrize(
    ("by", "key", "selected"),
    [("state", "ok", "answered"), ("state", "unopened", "model-unopened"), ("state", "refused", "refused")],
)
def test_a_line_of_sums_by_state_selects_the_state_that_the_list_names(by, key, selected):
    assert parse_qs(conditions("").narrowed(by, key)) == {"state": [selected]}


def test_a_line_of_sums_by_month_leads_to_the_sums_by_app():
    assert parse_qs(conditions("").narrowed("month", "2026-10")) == {"month": ["2026-10"], "by": ["app"]}
