"""Summaries in the index: read once, again for a new owner and after a failure, with the price of the cheapest offer."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sealgrid.attestation.policy import Policy
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.sdk.model_cards import ModelCard
from sealgrid.units import Address, to_address
from sealgrid.web.index import summary_reader
from sealgrid.web.index.reader import AssetFilter, IndexReader
from sealgrid.web.index.store import IndexedBlocks, IndexStore
from sealgrid.web.index.summaries import AssetSummary
from sealgrid.web.index.summary_reader import PRICE_SECONDS, SummaryReader
from sealgrid.web.index.summary_store import FIRST_RETRY_SECONDS, SummaryStore
from tests.unit.web.index.index_rows import APPS, GENESIS, asset_row, trail_of

APP, MODEL = f"0x{1:040x}", f"0x{2:040x}"
NOBODY = "0x" + "00" * 20
OWNER, STRANGER = (SigningKey.from_bytes(bytes([n]) * 32) for n in (1, 2))
DOMAIN = Domain(1, to_address(bytes(20)))


def sale_policy(version: int, expiry: int) -> Policy:
    return Policy(
        asset=Address(MODEL),
        owner=OWNER.address,
        version=version,
        expiry=expiry,
        allowed=(),
        uses_per_requester_hour=5,
    )


class Services:
    """A market and a storage node whose answers tests change."""

    def __init__(self) -> None:
        self.card: ModelCard | None = ModelCard("Reads plates.")
        self.reads: list[str] = []
        self.price: int | None = 5
        self.app = APP
        self.policies: list[tuple[SigningKey, int, int]] = []  #: signer, version and end

    async def card_of(self, checksum: str, subject: Any) -> ModelCard | None:
        self.reads.append(subject.owner)
        return self.card

    async def no_bundle(self, *_: object) -> None:
        return None

    async def views(self, conn: Any, model: str, owner: str) -> tuple[Any, ...]:
        signed = ((signer, sale_policy(version, expiry)) for signer, version, expiry in self.policies)
        policies = [SimpleNamespace(policy=it, policy_signature=it.sign(DOMAIN, signer)) for signer, it in signed]
        return (None, *policies, SimpleNamespace(policy=None))

    async def offers(self, conn: Any, kind: str, asset: str, limit: int) -> list[Any]:
        price, app = self.price, self.app if kind == "Dataset" else NOBODY
        return [] if price is None else [SimpleNamespace(price=price, app=app)]


class Scene:
    """An index with one app and one model, its summary reader, and a clock."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.services, self.now = Services(), 1000.0
        self.store = IndexStore(folder / "index", GENESIS)
        rows = (
            asset_row(1, "App", "") | {"name": "Reader"},
            asset_row(2, "Dataset", "") | {"name": "plates", "owner": OWNER.address},
        )
        self.store.write(IndexedBlocks(assets=rows), trail_of([0]))
        monkeypatch.setattr(summary_reader, "offers_of", self.services.offers)
        conn: Any = SimpleNamespace(storage=None, domain=DOMAIN, vaults=())
        monkeypatch.setattr(summary_reader, "views_of", self.services.views)
        self.summaries = SummaryStore(self.store.engine)
        self.reader = SummaryReader(conn, self.summaries, lambda: self.now)
        monkeypatch.setattr(self.reader, "_cards", SimpleNamespace(card=self.services.card_of))
        monkeypatch.setattr(self.reader, "_bundles", SimpleNamespace(details=self.services.no_bundle))
        self.index = IndexReader(self.store.engine)

    def found(self, kind: str = "Dataset", **conditions: Any) -> list[str]:
        return [row.name for row in self.index.cards(kind, AssetFilter(**conditions))]


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    opened = Scene(tmp_path, monkeypatch)
    yield opened
    opened.store.close()


async def test_an_asset_is_listed_before_it_is_described(scene: Scene) -> None:
    [row] = scene.index.cards("Dataset", AssetFilter(search="PLATES"))
    assert (row.name, row.text, row.reader_owner) == ("plates", None, None)


async def test_a_described_model_is_found_by_its_text_its_price_and_its_app(scene: Scene) -> None:
    await scene.reader.step()
    [row] = scene.index.cards("Dataset", AssetFilter(search="reads Plate"))
    assert (row.text, row.price, row.only_app) == ("Reads plates.", 5, APP)
    assert scene.found(search="reads bicycles") == []
    assert (scene.found(max_price=5), scene.found(max_price=4)) == (["plates"], [])
    assert (scene.found(app=APP), scene.found(app=APPS[0])) == (["plates"], [])
    assert (scene.found(owner=OWNER.address), scene.found(owner=MODEL)) == (["plates"], [])
    assert scene.index.apps_of_models() == {APP: "Reader"}


async def test_a_model_that_is_offered_to_any_app_is_found_under_each_app(scene: Scene) -> None:
    scene.services.app = NOBODY
    await scene.reader.step()
    assert scene.found(app=APP) == ["plates"]


async def test_a_file_is_read_once_and_again_for_its_next_owner(scene: Scene) -> None:
    await scene.reader.step()
    await scene.reader.step()
    assert scene.services.reads == [OWNER.address]
    sold = {"block": 1, "position": 0, "asset": MODEL, "owner": APPS[1]}
    scene.store.write(IndexedBlocks(owners=(sold,)), trail_of([0, 0]))
    await scene.reader.step()
    await scene.reader.step()
    assert scene.services.reads == [OWNER.address, APPS[1]]


async def test_a_file_that_cannot_be_read_is_tried_again_after_a_wait_that_doubles(scene: Scene) -> None:
    scene.services.card = None
    for wait in (FIRST_RETRY_SECONDS, 2 * FIRST_RETRY_SECONDS):
        await scene.reader.step()
        reads = len(scene.services.reads)
        scene.now += wait - 1
        await scene.reader.step()
        assert len(scene.services.reads) == reads
        scene.now += 1
    scene.services.card = ModelCard("Late words.")
    await scene.reader.step()
    assert scene.found(search="late") == ["plates"]


async def test_a_price_is_read_again_and_ends_with_the_last_offer(scene: Scene) -> None:
    await scene.reader.step()
    scene.services.price = None
    scene.now += PRICE_SECONDS + 1
    await scene.reader.step()
    assert scene.found(max_price=10**18) == []
    assert scene.found(app=APP) == []


async def test_a_price_above_the_databases_integers_is_bounded(scene: Scene) -> None:
    scene.services.price = 2**200
    await scene.reader.step()
    assert scene.found(max_price=2**62) == []
    assert scene.found(order="cheapest") == ["plates"]


async def test_a_models_format_is_that_of_its_app_unless_its_signature_says_one(scene: Scene) -> None:
    [app] = scene.index.cards("App", AssetFilter())
    scene.summaries.write(app, AssetSummary(format="plate-model"))
    await scene.reader.step()
    assert scene.index.formats("Dataset") == ["plate-model"]
    assert scene.found(format="plate-model") == ["plates"]
    [model] = scene.index.cards("Dataset", AssetFilter())
    scene.summaries.write(model, AssetSummary(format="onnx"))
    scene.summaries.set_price(MODEL, 5, APP, 2000)
    assert scene.index.formats("Dataset") == ["onnx"]


async def test_a_sale_ends_with_the_newest_policy_that_its_owner_signed(scene: Scene) -> None:
    scene.services.policies = [(OWNER, 1, 9000), (OWNER, 2, 7000), (STRANGER, 3, 8000)]
    await scene.reader.step()
    [row] = scene.index.cards("Dataset", AssetFilter())
    assert row.ends == 7000
    scene.services.policies = []
    scene.now += PRICE_SECONDS + 1
    await scene.reader.step()
    [row] = scene.index.cards("Dataset", AssetFilter())
    assert row.ends is None


async def test_an_asset_whose_offers_cannot_be_read_keeps_its_price_and_stops_no_other(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.reader.step()

    async def offers(conn: Any, kind: str, asset: str, limit: int) -> list[Any]:
        if kind == "App":
            raise RuntimeError("a stranger's order")
        return [SimpleNamespace(price=9, app=APP)]

    monkeypatch.setattr(summary_reader, "offers_of", offers)
    scene.now += PRICE_SECONDS + 1
    await scene.reader.step()
    assert await scene.reader.step() == 0, "nothing is due any more"
    assert (scene.found("App", max_price=5), scene.found(max_price=8), scene.found(max_price=9)) == (
        ["Reader"],
        [],
        ["plates"],
    )
