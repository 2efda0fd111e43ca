"""A quote: the price with its parts, the payer's money, and the vaults' preview, without a signature."""

from types import SimpleNamespace

import msgspec
import pytest
from msgspec import UNSET

from sealgrid.errors import DealRefused, InputRefused
from sealgrid.poco.orders import NO_DATASET_ORDER, AppOrder, DatasetOrder, WorkerpoolOrder
from sealgrid.sdk.asset_facts import AssetFacts
from sealgrid.sdk.operations import quote as module
from sealgrid.sdk.operations import run_inputs
from sealgrid.sdk.operations.past_runs import PastRuns
from sealgrid.sdk.operations.preview import ReleasePreview
from sealgrid.sdk.operations.quote import quote
from sealgrid.sdk.operations.release_marks import ReleaseMark
from sealgrid.sdk.run_request import RunRequest
from sealgrid.units import ZERO_ADDRESS, to_address, to_digest
from tests.unit.sdk.network_file import VAULTS, network
from tests.unit.shipped_apps.app_process import bundled

APP, MODEL, POOL, ME, SPONSOR = (to_address(bytes([n]) * 20) for n in range(1, 6))
RLC = 10**9


@pytest.fixture
def conn(monkeypatch):
    """A connection without a key: nothing can be signed."""

    async def runnable_manifest(conn, app):
        return SimpleNamespace(inputs=UNSET)

    async def choose_offers(conn, request, on_progress):
        model = NO_DATASET_ORDER if request.model == ZERO_ADDRESS else DatasetOrder(dataset=MODEL, datasetprice=3 * RLC)
        return AppOrder(app=APP), model, WorkerpoolOrder(workerpool=POOL, workerpoolprice=2 * RLC)

    async def check_release(conn, terms, on_progress):
        conn.previewed.append(terms.request)
        return ReleasePreview(2, ("(3.7) a condition",))

    async def past_runs(conn, app, model):
        return PastRuns(cold=(9,), warm=(2, 4))

    async def account(address):
        return SimpleNamespace(stake={ME: 4 * RLC, SPONSOR: 100 * RLC}[address])

    async def wallet_balance(address):
        return 7 * RLC

    async def asset_facts(kind, asset):
        return AssetFacts("hash-file", to_digest(b"\x01" * 32))

    monkeypatch.setattr(run_inputs, "runnable_manifest", runnable_manifest)
    for each in (choose_offers, check_release, past_runs):
        monkeypatch.setattr(module, each.__name__, each)
    hub = SimpleNamespace(account=account, wallet_balance=wallet_balance)

    async def size(checksum):
        return 1

    return SimpleNamespace(
        address=ME,
        hub=hub,
        network=network(),
        vaults=VAULTS,
        previewed=[],
        asset_facts=SimpleNamespace(read=asset_facts),
        storage=SimpleNamespace(size=size),
    )


async def test_a_quote_has_the_price_the_money_and_the_expected_time(conn):
    quoted = await quote(conn, RunRequest(APP, MODEL, tasks=2))
    assert (quoted.app_price, quoted.model_price, quoted.computing_price) == (0, 3 * RLC, 2 * RLC)
    assert (quoted.total, quoted.escrow, quoted.wallet, quoted.missing) == (10 * RLC, 4 * RLC, 7 * RLC, 6 * RLC)
    assert (quoted.quorum, quoted.vaults, quoted.conditions) == (2, 3, ("(3.7) a condition",))
    assert quoted.release is ReleaseMark.LOOK_ALIKE, "the name of a shipped app, and other code"
    assert (quoted.past_runs, quoted.expected_seconds, quoted.slowest_seconds) == (3, 3, 9)
    assert (quoted.warm_seconds, quoted.cold_seconds) == (3, 9)


async def test_the_vaults_preview_the_very_deal_unsigned_and_without_an_input(conn):
    await quote(conn, RunRequest(APP, MODEL, tasks=2, callback=SPONSOR))
    (request,) = conn.previewed
    assert (request.app, request.dataset, request.volume, request.callback) == (APP, MODEL, 2, SPONSOR)
    assert (request.sign, '"inputs":[]' in request.params) == (b"", True)


async def test_a_sponsor_pays_and_a_run_without_a_model_has_no_price_for_one(conn):
    quoted = await quote(conn, RunRequest(APP), payer=SPONSOR)
    assert (quoted.payer, quoted.escrow, quoted.missing) == (SPONSOR, 100 * RLC, 0)
    assert (quoted.model, quoted.model_price, quoted.total) == (None, None, 2 * RLC)


async def test_a_deal_that_the_vaults_would_refuse_has_no_quote(conn, monkeypatch):
    async def refuse(conn, terms, on_progress):
        raise DealRefused("7.3", "the owner does not allow a callback.")

    monkeypatch.setattr(module, "check_release", refuse)
    with pytest.raises(DealRefused):
        await quote(conn, RunRequest(APP, MODEL))


async def test_a_picture_that_the_app_would_refuse_has_no_quote(conn, monkeypatch):
    async def plate_reader(conn, app):
        return msgspec.structs.replace(bundled("plate_reader")[1].manifest, inputs=UNSET)

    monkeypatch.setattr(run_inputs, "runnable_manifest", plate_reader)
    request = RunRequest(APP, MODEL, files=[("car.jpg", b"text")])
    with pytest.raises(InputRefused, match=r"plate-reader cannot read 'car.jpg': .*not a picture"):
        await quote(conn, request)
    assert (await quote(conn, request, check_inputs=False)).app == APP
