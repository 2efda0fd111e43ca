"""``sealgrid doctor``: checks the installation, the sandbox, data and keys, and the local network."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import typer

from sealgrid.cli.options import Data
from sealgrid.cli.output import stdout


class DoctorFinding(NamedTuple):
    """One line of the report; ``ok`` is None for information."""

    what: str
    ok: bool | None
    detail: str


_MARK = {True: "ok", False: "NO", None: ""}


def doctor(data: Data = None) -> None:
    """Check the installation, the sandbox, your keys and the local network. Exits with 1 if a part is missing."""
    from sealgrid.cli.machine_limits import sandbox_limits

    # A limit that this machine does not support is not a fault of the installation.
    limits = [DoctorFinding(each.name, True if each.found else None, each.detail) for each in sandbox_limits()]
    bad = False
    for title, findings in (
        ("installed", _installed()),
        ("sandbox of this machine, tested", _sandbox()),
        ("limits of every app", limits),
        ("data and keys", _folders(data)),
        ("network", _network(data)),
    ):
        stdout.print(title, style="bold")
        for finding in _reported(findings):
            bad |= finding.ok is False
            stdout.print(f"  {_MARK[finding.ok]:<2} {finding.what:<19} {finding.detail}".rstrip(), markup=False)
    raise typer.Exit(1 if bad else 0)


def _reported(findings: Iterable[DoctorFinding]) -> Iterator[DoctorFinding]:
    """Yield findings, and one for the error that ends them."""
    from sealgrid.errors import SealgridError
    from sealgrid.sdk.stores.file_errors import file_error

    try:
        yield from findings
    except SealgridError as error:
        yield DoctorFinding("error", False, str(error))
    except OSError as error:
        yield DoctorFinding("error", False, str(file_error(error) or error))


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
        yield DoctorFinding(
            what, there, str(cache / below) if there else "run `make setup` in a checkout, else `sealgrid setup`"
        )


def _sandbox() -> Iterator[DoctorFinding]:
    from sealgrid.cli.sandbox_probes import run_probes
    from sealgrid.errors import SealgridError

    try:
        for probe in run_probes():
            yield DoctorFinding(probe.what, probe.ok, probe.detail)
    except (SealgridError, OSError) as error:
        yield DoctorFinding("sandbox", False, str(error))


def _folders(data: Path | None) -> Iterator[DoctorFinding]:
    from sealgrid.sdk.stores.home import home
    from sealgrid.sdk.stores.job_store import JobStore
    from sealgrid.sdk.stores.keystores import KeystoreFolder
    from sealgrid.sdk.stores.model_store import ModelStore
    from sealgrid.sdk.stores.private_files import is_private

    folders = home(data)
    yield DoctorFinding("local network", None, f"{folders.network.parent} (remove it with: sealgrid down --wipe)")
    for what, folder, count, meaning in (
        (
            "your accounts",
            folders.accounts,
            len(KeystoreFolder(folders.accounts).all()),
            "Each has its own password.",
        ),
        ("model keys", folders.models, len(ModelStore(folders.models).all()), "Each opens a model that you published."),
        ("result keys", folders.jobs, len(JobStore(folders.jobs).all()), "Each opens one result that you paid for."),
    ):
        yield DoctorFinding(what, is_private(folder), f"{folder}, {count} of them. {meaning}")
    yield DoctorFinding(
        "", None, "No other copy of these files exists. Back them up with: sealgrid account backup FILE"
    )
    yield DoctorFinding("", None, "The keys of a local network's development accounts are public.")


def _network(data: Path | None) -> Iterator[DoctorFinding]:
    from sealgrid.cli.network import layout_of
    from sealgrid.errors import NetworkNotRunning
    from sealgrid.sdk.network import load_network
    from sealgrid.sdk.stores.home import home

    layout = layout_of(data)
    for path, what in ((layout.start_error, "the last start"), (layout.shop_error, "its shop")):
        if path.exists():
            yield DoctorFinding(what, False, path.read_text(errors="replace"))

    try:
        network = load_network(home(data).network)
    except NetworkNotRunning as error:
        yield DoctorFinding("local network", None, error.message)
        return
    yield DoctorFinding("local network", True, f"{network.name!r}, chain {network.chain} at {network.rpc_url}")
    if network.allow_simulated:
        from sealgrid.sdk.simulated_warning import SENTENCE

        yield DoctorFinding("platform", None, SENTENCE)
