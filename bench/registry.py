"""Every figure by its name, in the order in which they are measured and printed."""

from collections.abc import Awaitable, Callable
from typing import Final

from bench import (
    ados_bag,
    ados_large,
    ados_plain,
    bounded_memory,
    bulk,
    confidential,
    environment,
    feed_gas,
    gas,
    market_load,
    network_start,
    pages,
    plates_job,
    pool_load,
    preview,
    publish_check,
    sealing,
    settle_open,
    transparency_log,
    trivial_job,
    vault_load,
    vault_release,
)
from bench.context import Context
from bench.figure import Figure

Measure = Callable[[Context], Awaitable[Figure]]

#: Those that need a network come first; those that measure the bare machine follow when no network runs any more.
FIGURES: Final[dict[str, Measure]] = {
    "trivial_job": trivial_job.measure,
    "plates_job": plates_job.measure,
    "confidential": confidential.measure,
    "vault_release": vault_release.measure,
    "preview": preview.measure,
    "settle_open": settle_open.measure,
    "bulk": bulk.measure,
    "ados_bag": ados_bag.measure,
    "vault_load": vault_load.measure,
    "market_load": market_load.measure,
    "pool_sqlite": pool_load.measure_sqlite,
    "pool_postgres": pool_load.measure_postgres,
    "pool_idle": pool_load.measure_idle,
    "pages": pages.measure,
    "network_start": network_start.measure,
    "environment": environment.measure,
    "log": transparency_log.measure,
    "ados_plain": ados_plain.measure,
    "ados_large": ados_large.measure,
    "sealing": sealing.measure,
    "bounded_memory": bounded_memory.measure,
    "publish_check": publish_check.measure,
    "gas": gas.measure,
    "feed_gas": feed_gas.measure,
}
