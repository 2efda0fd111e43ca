"""The removal of a model's sealed file: when it must stay, and what each storage node answers."""

from types import SimpleNamespace

import pytest

from sealgrid.chain.views import TaskStatus
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import CallRefused, InputRefused, NotFound, ServiceUnavailable
from sealgrid.poco.ids import task_id
from sealgrid.poco.orders import DatasetOrder
from sealgrid.sdk.asset_facts import AssetFacts
from sealgrid.sdk.operations import remove_file
from sealgrid.sdk.operations.own_names import OwnAsset
from sealgrid.sdk.operations.own_offers import NodeRemoval, OpenOffers
from sealgrid.sdk.operations.remove_file import MAX_TASKS, check_off_the_market, unlist_and_remove
from sealgrid.units import to_address, to_digest

ME = SigningKey.from_bytes(b"\x11" * 32)
MODEL, OTHER = to_address(b"\xaa" * 20), to_address(b"\xab" * 20)
FILE, DEAL = to_digest(b"\x01" * 32), to_digest(b"\x02" * 32)
URLS = ("http://one", "http://two", "http://three")
DOMAIN = Domain(chain=31337, broker=OTHER)
NOW, TIMEREF = 1000, 60
DEADLINE = NOW - 1 + 10 * TIMEREF
OFFER = DatasetOrder(dataset=MODEL, volume=5)


class StorageNode:
    """A storage node that answers as told, by the clock that it has."""

    def __init__(self, answer=0, now=NOW) -> None:
        self._answer, self._now, self.signed = answer, now, []

    async def remove(self, signed):
        self.signed.append(signed)
        if signed.removal.issued != self._now:
            raise CallRefused("removal.2", "check this machine's clock.")
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    async def seconds(self):
        return self._now


class Scene:
    """A model with an offer, its deals, and three storage nodes."""

    def __init__(self, monkeypatch) -> None:
        self.offers, self.cancelled, self.deals, self.tasks = [(OFFER, 5)], [], [], {}
        self.nodes, self.own, self.market_away = [StorageNode() for _ in URLS], [OwnAsset(MODEL, "iris", FILE)], False
        self.sold_while_cancelling = False

        async def own_assets(conn, kind):
            return self.own

        async def open_orders(conn, kind, asset):
            if self.market_away:
                raise ServiceUnavailable("the market does not answer.")

        async def open_model_offers(conn, model, record):
            return OpenOffers(tuple(self.offers), ())

        async def cancel(conn, model, orders):
            self.cancelled += orders
            self.offers = []
            if self.sold_while_cancelling:
                self.deals.append(self.deal())

        for function in (own_assets, open_orders, open_model_offers, cancel):
            monkeypatch.setattr(remove_file, function.__name__, function)

    @property
    def conn(self):
        async def read(kind, asset):
            return AssetFacts("iris", FILE)

        return SimpleNamespace(
            key=ME,
            address=ME.address,
            domain=DOMAIN,
            clock=lambda: float(NOW),
            asset_facts=SimpleNamespace(read=read),
            network=SimpleNamespace(storage_nodes=URLS),
            storage_nodes=self.nodes,
            node=self,
            hub=self,
            market=SimpleNamespace(deals=self.listed),
        )

    def deal(self, *, dataset=MODEL, start=NOW - 1, tasks=2):
        return SimpleNamespace(
            deal=DEAL,
            dataset=SimpleNamespace(pointer=dataset),
            start_time=start,
            category=0,
            bot_first=3,
            bot_size=tasks,
        )

    async def listed(self, *, dataset, pageIndex, pageSize):  # noqa: N803  iExec's names
        assert dataset == MODEL
        first = int(pageIndex) * int(pageSize)
        return list(range(len(self.deals)))[first : first + int(pageSize)]

    async def block(self):
        return SimpleNamespace(timestamp=NOW)

    async def view_deal(self, number):
        if self.deals[number] is None:
            raise NotFound("no such deal.")
        return self.deals[number]

    async def view_category(self, number):
        return SimpleNamespace(timeref=TIMEREF)

    async def view_task(self, task):
        return SimpleNamespace(status=self.tasks.get(task, TaskStatus.UNSET))


@pytest.fixture
def scene(monkeypatch):
    return Scene(monkeypatch)


async def test_the_offers_are_cancelled_and_every_node_removes_the_file(scene):
    done = await unlist_and_remove(scene.conn, MODEL, None)
    assert (done.cancelled, scene.cancelled) == (1, [OFFER])
    assert done.nodes == tuple(NodeRemoval(url, removed=True) for url in URLS)
    (signed,) = {node.signed[0] for node in scene.nodes}
    assert (signed.removal.file_sha256, signed.removal.issued) == (FILE, NOW)
    assert signed.removal.is_signed_by(ME.address, DOMAIN, signed.signature)


async def test_of_a_model_off_the_market_the_file_alone_is_removed(scene):
    scene.offers = []
    done = await unlist_and_remove(scene.conn, MODEL, None)
    assert (done.cancelled, [node.removed for node in done.nodes]) == (0, [True, True, True])


async def test_the_answer_names_each_node_that_did_not_remove_it(scene):
    answers = (2, ServiceUnavailable("it does not answer."), NotFound("no such file."))
    scene.nodes = [StorageNode(answer) for answer in answers]
    done = await unlist_and_remove(scene.conn, MODEL, None)
    assert done.nodes == (
        NodeRemoval(URLS[0], False, "2 other clients stored the same file there, which stays for them."),
        NodeRemoval(URLS[1], False, "it does not answer."),
        NodeRemoval(URLS[2], True),
    )


async def test_a_node_of_another_time_gets_a_statement_for_its_time(scene):
    scene.nodes = [StorageNode(), StorageNode(now=NOW + 5000), StorageNode(CallRefused("removal.3", "it must stay."))]
    done = await unlist_and_remove(scene.conn, MODEL, None)
    assert [node.removed for node in done.nodes] == [True, True, False]
    assert [len(node.signed) for node in scene.nodes] == [1, 2, 1]


@pytest.mark.parametrize(
    ("tasks", "ended"),
    [(2, {}), (2, {0: TaskStatus.COMPLETED}), (2, {0: TaskStatus.ACTIVE, 1: TaskStatus.FAILED}), (MAX_TASKS + 1, {})],
    ids=["not begun", "one of two ended", "one runs", "too many to read"],
)
async def test_a_file_stays_while_a_run_is_open_and_nothing_is_cancelled(scene, tasks, ended):
    scene.deals = [scene.deal(tasks=tasks)]
    scene.tasks = {task_id(DEAL, 3 + number): status for number, status in ended.items()}
    with pytest.raises(
        InputRefused, match=r"runs of a deal .* have not ended .* at the latest 1970-01-01 00:26:39 UTC"
    ):
        await unlist_and_remove(scene.conn, MODEL, None)
    assert (scene.cancelled, [node.signed for node in scene.nodes]) == ([], [[], [], []])


async def test_deals_that_ended_are_too_old_or_of_another_model_need_no_file(scene):
    scene.deals = [scene.deal(tasks=1), scene.deal(start=NOW - 10 * TIMEREF), scene.deal(dataset=OTHER), None] * 60
    scene.tasks = {task_id(DEAL, 3): TaskStatus.COMPLETED}
    assert all(node.removed for node in (await unlist_and_remove(scene.conn, MODEL, None)).nodes)


async def test_an_open_deal_on_a_later_page_counts(scene):
    scene.deals = [*[None] * 150, scene.deal()]
    with pytest.raises(InputRefused, match="have not ended"):
        await unlist_and_remove(scene.conn, MODEL, None)


async def test_a_run_that_is_bought_while_the_offers_are_cancelled_keeps_the_file(scene):
    scene.sold_while_cancelling = True
    with pytest.raises(InputRefused, match="have not ended"):
        await unlist_and_remove(scene.conn, MODEL, None)
    assert [node.signed for node in scene.nodes] == [[], [], []]


async def test_another_own_model_of_the_same_file_keeps_it(scene):
    scene.own.append(OwnAsset(OTHER, "iris@2", FILE))
    with pytest.raises(InputRefused, match=f"your model 'iris@2' .{OTHER}. has the same file"):
        await unlist_and_remove(scene.conn, MODEL, None)
    assert scene.cancelled == []


async def test_without_the_market_nothing_is_cancelled_or_removed(scene):
    scene.market_away = True
    with pytest.raises(ServiceUnavailable):
        await unlist_and_remove(scene.conn, MODEL, None)
    assert (scene.cancelled, scene.nodes[0].signed) == ([], [])


async def test_an_offer_that_is_still_open_keeps_the_file(scene):
    with pytest.raises(InputRefused, match="still open; unlist it first"):
        await check_off_the_market(scene.conn, MODEL, None)
