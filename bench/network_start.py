"""A local network from the command to "ready": on an empty data folder, and on one that was used before."""

from bench import calibration
from bench.context import Context
from bench.figure import Figure, Row, Target


async def measure(context: Context) -> Figure:
    networks, wanted = context.networks, context.either(1, 2)
    while len(networks.cold_starts) < wanted:
        await networks.fresh()
    while len(networks.warm_starts) < wanted:
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
