"""Gas of each step of a deal with TeeBroker and without it, where PoCo takes the pool's word alone."""

from bench.context import Context
from bench.figure import Figure, Row, Target
from bench.settlement import NOBODY, STEPS, Settlement, settlement
from sealgrid.units import Address

TARGET = Target("≤", 15.0)
Costs = list[dict[str, int]]


async def measure(context: Context) -> Figure:
    async with settlement() as on:
        brokers = {True: on.deployment.broker, False: NOBODY}
        await _costs(on, brokers[True], 1, verdicts=True)  # balances that were never touched cost more, once
        found = {
            kind: await _costs(on, broker, context.either(3, 10), verdicts=kind) for kind, broker in brokers.items()
        }
    rows: list[Row] = []
    for step in (*STEPS, "all three"):
        with_, without = _of(found[True], step), _of(found[False], step)
        more = tuple(100 * (one / other - 1) for one, other in zip(with_, without, strict=True))
        rows += [
            Row(label=f"{step} without TeeBroker", unit="gas", samples=without),
            Row(label=f"{step} with TeeBroker", unit="gas", samples=with_),
            Row(label=f"{step}, more with TeeBroker", unit="%", samples=more, target=TARGET),
        ]
    return Figure("gas", tuple(rows))


async def _costs(on: Settlement, broker: Address, times: int, *, verdicts: bool) -> Costs:
    await on.judge_by(broker)
    return [await on.gas(verdicts=verdicts) for _ in range(times)]


def _of(costs: Costs, step: str) -> tuple[float, ...]:
    return tuple(float(cost[step] if step in cost else sum(cost.values())) for cost in costs)
