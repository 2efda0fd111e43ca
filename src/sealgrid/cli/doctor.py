"""``sealgrid doctor``: what is installed, what the sandbox holds, where data and keys lie, whether a network runs."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import typer

from sealgrid.cli.account_session import answers
from sealgrid.cli.options import Data


class DoctorFinding(NamedTuple):
    """One line; None is neither good nor bad."""

    what: str
    ok: bool | None
    detail: str


_WORD = {True: "ok", False: "NO", None: ""}


def doctor(data: Data = None) -> None:
    """Look at this machine; exit with 1 when something that is needed is missing."""
    bad = False
    for title, findings in (
        ("installed", _installed()),
        ("the sandbox of this machine, tried", _sandbox()),
        ("limits around every app", _limits()),
        ("data and keys", _places(data)),
        ("network", _network(data)),
    ):
        answers.print(title, style="bold")
        for finding in findings:
            bad |= finding.ok is False
            answers.print(f"  {_WORD[finding.ok]:<2} {finding.what:<19} {finding.detail}".rstrip(), markup=False)
    raise typer.Exit(1 if bad else 0)


def _installed() -> Iterator[DoctorFinding]:
    import platform
    import shutil

    yield DoctorFinding("python", True, f"{platform.python_version()} on {platform.machine()}")
    bwrap = shutil.which("bwrap")
    yield DoctorFinding("bubblewrap", bwrap is not None, bwrap or "install it with: sudo apt-get install bubblewrap")
    from sealgrid.errors import SetupMissing
    from sealgrid.localnet.layout import cache_folder

    try:
        cache = cache_folder()
    except SetupMissing as error:
        yield DoctorFinding("local chain", False, error.message)
        return
    for what, below in (
        ("anvil", "anvil/bin/anvil"),
        ("PoCo's contracts", "poco/artifacts"),
        ("wheels of the apps", "wheels"),
        ("plate model", "models/plate_reader.zip"),
    ):
        there = (cache / below).exists()
        yield DoctorFinding(what, there, str(cache / below) if there else "run `make setup` in the checkout")


def _sandbox() -> Iterator[DoctorFinding]:
    from sealgrid.cli.sandbox_probes import tried
    from sealgrid.errors import SealgridError

    try:
        for probe in tried():
            yield DoctorFinding(probe.what, probe.held, probe.detail)
    except (SealgridError, OSError) as error:
        yield DoctorFinding("sandbox", False, str(error))


def _limits() -> Iterator[DoctorFinding]:
    from sealgrid.cli.machine_limits import limits_here

    # A limit that this machine cannot give is said, and is no fault of the installation.
    yield from (DoctorFinding(each.name, True if each.found else None, each.detail) for each in limits_here())


def _places(data: Path | None) -> Iterator[DoctorFinding]:
    from sealgrid.sdk.stores.home import home
    from sealgrid.sdk.stores.job_store import JobStore
    from sealgrid.sdk.stores.keystores import KeystoreFolder
    from sealgrid.sdk.stores.model_store import ModelStore
    from sealgrid.sdk.stores.private_files import is_private

    place = home(data)
    yield DoctorFinding("local network", None, f"{place.network.parent} (removed by: sealgrid down --wipe)")
    for what, folder, count, meaning in (
        ("your accounts", place.accounts, len(KeystoreFolder(place.accounts).all()), "Each is locked by its password."),
        ("model keys", place.models, len(ModelStore(place.models).all()), "Each opens a model that you published."),
        ("result keys", place.jobs, len(JobStore(place.jobs).all()), "Each opens one result that you paid for."),
    ):
        yield DoctorFinding(what, is_private(folder), f"{folder}, {count} of them. {meaning}")
    yield DoctorFinding("", None, "Nobody else has these files. Back them up with: sealgrid account backup FILE")
    yield DoctorFinding("", None, "Everybody knows the keys of a local network's development accounts.")


def _network(data: Path | None) -> Iterator[DoctorFinding]:
    from sealgrid.errors import NetworkNotRunning
    from sealgrid.sdk.network import load_network
    from sealgrid.sdk.stores.home import home

    try:
        network = load_network(home(data).network)
    except NetworkNotRunning as error:
        yield DoctorFinding("local network", None, error.message)
        return
    yield DoctorFinding("local network", True, f"{network.name!r}, chain {network.chain} at {network.rpc_url}")
    if network.allow_simulated:
        from sealgrid.sdk.simulated_warning import SENTENCE

        yield DoctorFinding("platform", None, SENTENCE)
