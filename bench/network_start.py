"""Start of a local network up to "ready", on an empty data folder and on a used one."""

from bench import calibration
from bench.context import Context
from bench.figure import Figure, Row, Target


async def measure(context: Context) -> Figure:
    networks, count = context.networks, context.either(1, 2)
    while len(networks.cold_starts) < count:
        await networks.fresh()
    while len(networks.warm_starts) < count:
        await networks.restart()
    await networks.stop()
    cpu, target = calibration.cpu(), Target("≤", 10.0)
    cold, warm = tuple(networks.cold_starts), tuple(networks.warm_starts)
    return Figure(
        "network start",
        (
            Row(label="ready", unit="s", samples=cold, temperature="cold", target=target, calibration=cpu),
            Row(label="ready", unit="s", samples=warm, temperature="warm", target=target, calibration=cpu),
        ),
    )
