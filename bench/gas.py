"""Gas of each step of a deal: with TeeBroker, with PoolGate, and without either."""

from bench.context import Context
from bench.figure import Figure, Row, Target
from bench.settlement import STEPS, Judge, Settlement, settlement

TARGET = Target("≤", 15.0)
Costs = list[dict[str, int]]


async def measure(context: Context) -> Figure:
    times = context.either(3, 10)
    async with settlement() as on:
        for judge in (on.broker, on.gate):
            await on.gas(judge)  # balances that were never touched cost more, once
        unjudged, broker, gate = [await _costs(on, judge, times) for judge in (on.unjudged, on.broker, on.gate)]
    rows: list[Row] = []
    for step in (*STEPS, "all three"):
        rows.append(Row(label=f"{step}, the pool's signature", unit="gas", samples=_of(unjudged, step)))
        for name, costs in (("TeeBroker", broker), ("PoolGate", gate)):
            rows += [
                Row(label=f"{step}, {name}", unit="gas", samples=_of(costs, step)),
                Row(label=f"{step}, more with {name}", unit="%", samples=_more(costs, unjudged, step), target=TARGET),
            ]
    return Figure("gas", tuple(rows))


async def _costs(on: Settlement, judge: Judge, times: int) -> Costs:
    return [await on.gas(judge) for _ in range(times)]


def _more(costs: Costs, other: Costs, step: str) -> tuple[float, ...]:
    pairs = zip(_of(costs, step), _of(other, step), strict=True)
    return tuple(100 * (one / without - 1) for one, without in pairs)


def _of(costs: Costs, step: str) -> tuple[float, ...]:
    return tuple(float(cost[step] if step in cost else sum(cost.values())) for cost in costs)
