"""Run the attack suite on a fresh local network: ``python -m attacks [--gate]`` (``make attack``)."""

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from attacks.attack import Attack, Outcome
from attacks.scene import scene_on
from attacks.suite import SUITE
from attacks.table import PAGE, page
from sealgrid.localnet.layout import Layout, NetworkOptions
from sealgrid.localnet.network_context import network
from sealgrid.sdk.network import Network

Tried = tuple[Attack, Outcome]


async def run(
    on: Network, folder: Path, suite: Sequence[Attack] = SUITE, *, on_progress: Callable[[str], None] = print
) -> list[Tried]:
    """Try the attacks on a running local network; ``on_progress`` gets one line for each."""
    tried: list[Tried] = []
    async with scene_on(on, folder) as scene:
        for attack in suite:
            async with scene.network_pool() if attack.at_network_pool else contextlib.nullcontext():
                outcome = await attack.attempt(scene)
            tried.append((attack, outcome))
            mark = f"stopped by {outcome.by} {outcome.check}".rstrip() if outcome.stopped else "NOT STOPPED"
            on_progress(f"{attack.title:45} {mark}: {outcome.message}")
    return tried


def main() -> None:
    """Run the suite, write the page unless it runs behind a gate, exit with 1 if an attack succeeded."""
    gate = "--gate" in sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="sealgrid-attack-") as name:
        folder = Path(name)
        print("starting a local network whose parts will lie …", file=sys.stderr)
        with network(Layout(folder / "network"), NetworkOptions(gate=gate)) as on:
            (folder / "scene").mkdir()
            tried = asyncio.run(run(on, folder / "scene"))
    if not gate:
        PAGE.write_text(page(tried))
        print(f"the table is in {PAGE.relative_to(Path.cwd())}")
    sys.exit(not all(outcome.stopped for _, outcome in tried))


if __name__ == "__main__":
    main()
