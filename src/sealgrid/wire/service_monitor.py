"""Metrics and readiness checks of a service, for its operator.

No metric and no label names an account, a model, an app or a task: a scrape must not tell who uses what.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from importlib.metadata import version
from typing import Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from sealgrid.errors import SealgridError
from sealgrid.wire.server import REFUSED_BY

_METHODS: Final = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT"})
CHECK_SECONDS: Final = 5.0  #: time limit of one readiness check
ReadinessCheck = Callable[[], Awaitable[object]]  #: raises SealgridError or OSError with what is missing
_log = logging.getLogger("sealgrid")


class ServiceMonitor:
    """The metrics and readiness checks of one service; names begin with ``sealgrid_SERVICE_``."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        build = Gauge("sealgrid_build_info", "1, with the version as label.", ["version"], registry=self.registry)
        build.labels(version("sealgrid")).set(1)
        self._requests = self.counter("requests", "Answered requests.", "method", "route", "status")
        self._refusals = self.counter("refusals", "Requests that a numbered check refused.", "check")
        self._durations = Histogram(
            self._name("request_duration_seconds"), "From request to end of answer.", ["route"], registry=self.registry
        )
        self._open = Gauge(self._name("open_requests"), "Requests without an answer so far.", registry=self.registry)
        self._checks: dict[str, ReadinessCheck] = {}

    def counter(self, name: str, description: str, *labels: str) -> Counter:
        """Return a new counter; Prometheus adds ``_total`` to its name."""
        return Counter(self._name(name), description, labels, registry=self.registry)

    def add_gauge(
        self, name: str, description: str, read: Callable[[], Mapping[str, float]], label: str = "kind"
    ) -> None:
        """Add a gauge whose values ``read`` returns by label at each scrape, in a thread."""
        self.registry.register(_ReadGauge(self._name(name), description, read, label))

    def add_check(self, name: str, check: ReadinessCheck) -> None:
        """Add a readiness check."""
        self._checks[name] = check

    async def failed_checks(self) -> dict[str, str]:
        """Return name -> reason of each readiness check that fails now."""
        names = list(self._checks)
        reasons = await asyncio.gather(*(_reason(self._checks[name]) for name in names))
        return {name: reason for name, reason in zip(names, reasons, strict=True) if reason}

    def count_requests(self, app: ASGIApp) -> ASGIApp:
        """Return the application with counts and durations of its HTTP requests by route and class of status."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != ScopeType.HTTP:
                await app(scope, receive, send)
                return
            status, begun = 0, time.perf_counter()

            async def send_counted(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                await send(message)

            with self._open.track_inprogress():
                await app(scope, receive, send_counted)
            route = str(scope.get("path_template", "none"))  # the router sets it
            method = scope["method"] if scope["method"] in _METHODS else "other"
            self._requests.labels(method, route, f"{status // 100}xx").inc()
            self._durations.labels(route).observe(time.perf_counter() - begun)
            if check := scope.get(REFUSED_BY):
                self._refusals.labels(str(check)).inc()

        return counted

    def _name(self, name: str) -> str:
        return f"sealgrid_{self.service.replace('-', '_')}_{name}"


class _ReadGauge(Collector):
    def __init__(self, name: str, description: str, read: Callable[[], Mapping[str, float]], label: str) -> None:
        self._name, self._description, self._read, self._label = name, description, read, label

    def describe(self) -> Iterable[GaugeMetricFamily]:
        return [GaugeMetricFamily(self._name, self._description, labels=[self._label])]

    def collect(self) -> Iterable[GaugeMetricFamily]:
        family = GaugeMetricFamily(self._name, self._description, labels=[self._label])
        try:
            values = self._read()
        except Exception as error:  # noqa: BLE001  the other metrics are needed most when a store fails
            _log.warning("the metric %s cannot be read: %s", self._name, type(error).__name__)
            values = {}
        for label, value in values.items():
            family.add_metric([label], value)
        return [family]


async def _reason(check: ReadinessCheck) -> str:
    """Return why a check fails; empty if it passes."""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            await check()
    except TimeoutError:
        return f"no answer within {CHECK_SECONDS:g} seconds"
    except (SealgridError, OSError) as error:
        return str(error)
    return ""
