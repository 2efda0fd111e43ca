"""Conditions of task lists in URLs: state, app, model, buyer and month."""

import datetime as dt
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from sealgrid.errors import InputRefused
from sealgrid.units import Address
from sealgrid.web.forms import path_address
from sealgrid.web.index.reader import Party, TaskFilter
from sealgrid.web.site import WebRequest, query_text

#: the states that a list can be filtered by, in the order of the page
STATE_FILTERS: Final[dict[str, TaskFilter]] = {
    "": TaskFilter(),
    "waiting": TaskFilter(state="waiting"),
    "running": TaskFilter(state="running"),
    "answered": TaskFilter(exit_classes=("ok",)),
    "app-failed": TaskFilter(exit_classes=("app-failed",)),
    "model-unopened": TaskFilter(exit_classes=("unopened",)),
    "refused": TaskFilter(exit_classes=("refused",)),
    "paid": TaskFilter(exit_classes=(None,)),
    "refunded": TaskFilter(state="refunded"),
}
#: exit class -> the state that selects it
_STATE_OF: Final = {"ok": "answered", "unopened": "model-unopened"}
_PARTIES: Final[dict[str, Party]] = {"app": "app", "model": "dataset", "buyer": "requester"}


@dataclass(frozen=True, slots=True)
class ListConditions:
    """The conditions of one request."""

    state: str
    month: str  #: as "2026-11"; empty for all
    parties: dict[str, Address]  #: by name in the URL

    def task_filter(self) -> TaskFilter:
        """Return the conditions as the index takes them; of an unknown state, those of all states."""
        since, until = month_bounds(self.month) if self.month else (None, None)
        parties = {_PARTIES[name]: address for name, address in self.parties.items()}
        return replace(STATE_FILTERS.get(self.state, TaskFilter()), parties=parties, since=since, until=until)

    def query(self, **changes: str) -> str:
        """Return the query string of these conditions with changes; an empty value removes one."""
        fields = {"state": self.state, "month": self.month, **self.parties, **changes}
        return urlencode({name: value for name, value in fields.items() if value})

    def narrowed(self, by: str, key: str) -> str:
        """Return the query string that selects one line of a table of sums, added up by month."""
        return self.query(**{by: _STATE_OF.get(key, key), "by": "" if by != "month" else "app"})


def conditions_of(request: WebRequest) -> ListConditions:
    """Return the conditions of a request; raise NotFound for an invalid address, InputRefused for an invalid month."""
    parties = {name: path_address(text) for name in _PARTIES if (text := query_text(request, name))}
    month = query_text(request, "month")
    if month:
        month_bounds(month)
    return ListConditions(query_text(request, "state"), month, parties)


def month_bounds(month: str) -> tuple[int, int]:
    """Return the first second of a month in UTC and that of the next; raise InputRefused for another text."""
    try:
        first = dt.datetime.strptime(month, "%Y-%m").replace(tzinfo=dt.UTC)
        following = (first + dt.timedelta(days=32)).replace(day=1)
    except (ValueError, OverflowError) as error:
        raise InputRefused(f"{month[:20]!r} is not a month; write it as 2026-11.", money="") from error
    return int(first.timestamp()), int(following.timestamp())
