"""The state machine of quotas and eviction, without disk or clock."""

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sealgrid.errors import NotFound, QuotaReached, StoreFull, TicketRefused
from sealgrid.storage.content_folder import BLOCK_BYTES, disk_bytes
from sealgrid.storage_node.quota_types import (
    ClientKind,
    DropUpload,
    FileHold,
    RecordHold,
    RemoveFile,
    RemoveHold,
    StorageClientId,
    StorageLimits,
)
from sealgrid.storage_node.quotas import FRESH_SECONDS, StorageQuotas
from sealgrid.units import Digest, to_address, to_digest

BLOCKS = 64
LIMITS = StorageLimits(BLOCKS * BLOCK_BYTES, 64, 16)  # 8 blocks, files for addresses; 8 blocks more for results alone
OLD = LIMITS.min_age_seconds + 1  #: seconds after which a file may be evicted
READER = to_address(b"\x0a" * 20)


def client(
    kind: ClientKind, name: str = "x", blocks: int = BLOCKS, files: int = 64, uploads: int = 8
) -> StorageClientId:
    return StorageClientId(kind, f"{kind.name} {name}", (blocks * BLOCK_BYTES, files, uploads))


def address(name: str = "x", blocks: int = BLOCKS, **quota: int) -> StorageClientId:
    return client(ClientKind.ADDRESS, name, blocks, **quota)


ACCOUNT, POOL = client(ClientKind.ACCOUNT), client(ClientKind.RESULT)


def file(number: int) -> Digest:
    return to_digest(number.to_bytes(32, "big"))


class Node:
    """Quotas, and the files that are there because of them."""

    def __init__(self, *, checks_chain: bool = False) -> None:
        self.quotas, self.stored, self.dropped = (
            StorageQuotas(LIMITS, checks_chain=checks_chain),
            set[Digest](),
            list[str](),
        )

    def do(self, effects: object) -> None:
        for effect in effects:  # type: ignore[attr-defined]
            match effect:
                case RemoveFile(gone):
                    self.stored.discard(gone)
                case DropUpload(name):
                    self.dropped.append(name)

    def store(self, number: int, who: StorageClientId, blocks: int = 1, at: float = 0.0) -> None:
        name, size = f"u{number}", blocks * BLOCK_BYTES
        self.do(self.quotas.begin(name, who, size if who.kind else None, at))
        try:
            self.do(self.quotas.grow(name, size, at))
        except (QuotaReached, StoreFull):
            self.quotas.drop(name)
            raise
        self.quotas.piece_written(name, at)
        self.quotas.store(name, file(number), size, at, READER if who.kind is ClientKind.RESULT else None)
        self.stored.add(file(number))


def test_a_file_of_one_byte_counts_as_a_block_and_as_a_file() -> None:
    node = Node()
    node.do(node.quotas.begin("u", address(), None, 0.0))
    node.do(node.quotas.grow("u", 1, 0.0))
    assert node.quotas.used(ClientKind.ADDRESS) == (BLOCK_BYTES, 1, 1)


@pytest.mark.parametrize(
    ("quota", "count"), [({"blocks": 2}, "bytes of disk"), ({"files": 2}, "files"), ({"uploads": 2}, "open uploads")]
)
def test_a_client_above_its_quota_is_refused_with_an_instruction(quota: dict[str, int], count: str) -> None:
    node, limited = Node(), address(**quota)
    for number in range(2):
        node.do(node.quotas.begin(f"u{number}", limited, None, 0.0))
    with pytest.raises(QuotaReached, match=f"2 {count}|8192 {count}.*escrow"):
        node.quotas.begin("u2", limited, None, 0.0)
    node.do(node.quotas.begin("other", address("other", **quota), None, 0.0))


def test_addresses_without_tickets_have_a_share_and_no_more_and_accounts_go_on() -> None:
    node = Node()
    for number in range(8):
        node.store(number, address(str(number)))
    with pytest.raises(StoreFull, match="clients without a ticket"):
        node.store(8, address("8"))
    node.store(9, ACCOUNT)
    assert file(0) in node.stored


def test_a_store_that_accounts_filled_still_takes_results() -> None:
    node = Node()
    node.store(1, ACCOUNT, 56)
    with pytest.raises(StoreFull, match="for accounts"):
        node.store(2, ACCOUNT)
    node.store(3, POOL, 8)
    assert node.stored == {file(1), file(3)}


def test_a_store_without_room_for_results_keeps_unopened_ones() -> None:
    node = Node()
    node.store(1, ACCOUNT, 56)
    node.store(2, POOL, 8)
    with pytest.raises(StoreFull, match="for results"):
        node.store(3, POOL, at=OLD)
    node.quotas.mark_opened(file(2), to_address(b"\x0b" * 20), OLD)  # the claim of another account
    with pytest.raises(StoreFull, match="for results"):
        node.store(3, POOL, at=OLD)
    node.quotas.mark_opened(file(2), READER, OLD)
    node.store(3, POOL, at=OLD)
    assert node.stored == {file(1), file(3)}


def test_the_oldest_file_of_the_largest_client_is_evicted() -> None:
    node = Node()
    for number in range(6):
        node.store(number, address("greedy"), at=float(number))
    for number in (6, 7):
        node.store(number, address("modest"), at=0.0)
    node.store(8, address("new"), at=OLD + 10)
    assert node.stored == {file(number) for number in range(1, 9)}


def test_the_largest_client_evicts_no_smaller_one() -> None:
    node = Node()
    node.store(1, address("modest"))
    node.store(2, address("greedy"), 7, at=OLD)  # young at OLD + 1
    with pytest.raises(StoreFull):
        node.store(3, address("greedy"), at=OLD + 1)
    assert file(1) in node.stored


def test_a_new_file_is_not_evicted_before_the_chain_had_time_to_name_it() -> None:
    node = Node()
    node.store(1, address("one"), 8)
    with pytest.raises(StoreFull):
        node.store(2, address("two"), at=LIMITS.min_age_seconds - 1)
    node.store(2, address("two"), at=OLD)
    assert node.stored == {file(2)}


def test_what_the_chain_names_is_neither_evicted_nor_expires() -> None:
    node = Node(checks_chain=True)
    node.store(1, address("one"), 4)
    node.store(2, address("one"), 4)
    due = node.quotas.due_for_chain_check(OLD, 10)
    node.do(node.quotas.apply_chain_answer(due, [file(1)], OLD))
    node.store(3, address("two"), 4, at=OLD)
    assert (set(due), node.stored) == ({file(1), file(2)}, {file(1), file(3)})
    end = OLD + 2 * LIMITS.address_seconds
    node.do(node.quotas.apply_chain_answer(node.quotas.due_for_chain_check(end, 10), [], end))
    node.do(node.quotas.expire(end))
    assert node.stored == {file(1)}


def test_nothing_goes_while_the_chain_cannot_be_asked() -> None:
    node = Node(checks_chain=True)
    node.store(1, address("one"), 8)
    node.do(node.quotas.apply_chain_answer([file(1)], [], OLD))
    stale = OLD + FRESH_SECONDS + 1
    with pytest.raises(StoreFull):
        node.store(2, address("two"), at=stale)
    node.do(node.quotas.expire(OLD + 2 * LIMITS.address_seconds))
    assert node.stored == {file(1)}


def test_an_empty_upload_has_time_to_begin_and_one_that_goes_on_is_never_dropped() -> None:
    node = Node()
    node.do(node.quotas.begin("honest", address("honest"), None, 0.0))
    attacker = address("attacker", uploads=8)
    node.do(node.quotas.begin("stalled", attacker, None, 0.0))
    for second in range(1, 30):
        if second == 1 or second % 9 == 0:
            node.do(node.quotas.grow("honest", 60_000 // BLOCK_BYTES, float(second)))
            node.quotas.piece_written("honest", float(second))
        for number in range(8):
            with contextlib.suppress(QuotaReached, StoreFull):
                node.do(node.quotas.begin(f"{second}-{number}", attacker, None, float(second)))
        node.do(node.quotas.tick(float(second)))
    assert "honest" not in node.dropped
    assert "stalled" in node.dropped


def test_an_upload_that_drips_makes_way_for_another_one() -> None:
    node, slow = Node(), address("slow", uploads=8)
    for number in range(8):
        node.do(node.quotas.begin(f"d{number}", slow, None, 0.0))
    for second in range(1, 70, 5):
        for number in range(8):
            node.do(node.quotas.grow(f"d{number}", 1, float(second)))
            node.quotas.piece_written(f"d{number}", float(second))
    with pytest.raises(StoreFull, match="this store is full"):
        node.quotas.begin("honest", address("honest"), None, 30.0)
    node.do(node.quotas.begin("honest", address("honest"), None, 68.0))
    assert len(node.dropped) == 1


def test_a_piece_that_is_being_written_is_never_dropped() -> None:
    node = Node()
    node.do(node.quotas.begin("u", address(), None, 0.0))
    node.do(node.quotas.grow("u", 1, 0.0))
    node.do(node.quotas.tick(10_000.0))
    assert node.dropped == []


def test_a_ticket_reserves_the_disk_of_its_size_and_lets_no_more_come() -> None:
    """ticket.7"""
    node = Node()
    node.do(node.quotas.begin("u", ACCOUNT, 5 * BLOCK_BYTES, 0.0))
    assert node.quotas.used(ClientKind.ACCOUNT)[0] == 5 * BLOCK_BYTES
    node.do(node.quotas.grow("u", 5 * BLOCK_BYTES, 0.0))
    with pytest.raises(TicketRefused) as refused:
        node.quotas.grow("u", 1, 0.0)
    assert refused.value.check == "ticket.7"


def test_a_file_stays_for_an_account_though_an_address_stored_it_first() -> None:
    node = Node()
    node.store(1, address())
    node.quotas.begin("again", ACCOUNT, 1, 5.0)
    node.quotas.store("again", file(1), BLOCK_BYTES, 5.0)
    node.do(node.quotas.expire(LIMITS.address_seconds + 1))
    assert [hold.client for hold in node.quotas.holds(file(1))] == [ACCOUNT.name]
    assert node.stored == {file(1)}
    node.quotas.read(file(1), LIMITS.account_seconds - 1)
    node.do(node.quotas.expire(LIMITS.account_seconds + 10))
    assert node.stored == {file(1)}


def test_a_result_goes_a_time_after_it_was_opened_and_after_its_grace_period_otherwise() -> None:
    node = Node()
    node.store(1, POOL)
    node.store(2, POOL)
    node.quotas.mark_opened(file(1), READER, 10.0)
    node.do(node.quotas.expire(LIMITS.opened_seconds + 11))
    assert node.stored == {file(2)}
    node.do(node.quotas.expire(LIMITS.result_seconds + 1))
    assert node.stored == set()


KINDS = st.sampled_from(ClientKind)
STEP = st.tuples(
    st.sampled_from(["begin", "grow", "store", "drop", "tick", "expire", "ask", "opened", "wait"]),
    st.integers(0, 5),
    KINDS,
    st.integers(0, 12),
    st.integers(0, 3),
)


@settings(max_examples=300, deadline=None)
@given(steps=st.lists(STEP, max_size=60), checks_chain=st.booleans())
def test_the_accounts_add_up_and_no_limit_is_passed_whatever_happens(
    steps: list[tuple[str, int, ClientKind, int, int]], checks_chain: bool
) -> None:
    node, now, opened, content = (
        Node(checks_chain=checks_chain),
        0.0,
        dict[str, tuple[StorageClientId, float, int]](),
        0,
    )
    pinned, named = dict[Digest, float](), set[Digest]()
    for what, number, kind, blocks, which in steps:
        who, name, before = client(kind, str(which), 20, 12, 4), f"u{number}", set(node.stored)
        dropped = len(node.dropped)
        try:
            if what == "begin" and name not in opened:
                node.do(node.quotas.begin(name, who, blocks * BLOCK_BYTES if kind else None, now))
                opened[name] = who, now, 0
            elif what == "grow" and name in opened:
                node.do(node.quotas.grow(name, blocks * 1000, now))
                node.quotas.piece_written(name, now)
                opened[name] = opened[name][0], now, opened[name][2] + blocks * 1000
            elif what == "store" and name in opened:
                owner, _, size = opened.pop(name)
                content += which > 0
                digest = file(content)
                node.quotas.store(name, digest, disk_bytes(size), now, READER)
                node.stored.add(digest)
                before.add(digest)
                if owner.kind is ClientKind.RESULT:
                    pinned[digest] = now + LIMITS.result_seconds
            elif what == "drop":
                node.do(node.quotas.drop(name))
                opened.pop(name, None)
                dropped = len(node.dropped)
            elif what == "tick":
                node.do(node.quotas.tick(now))
            elif what == "expire":
                node.do(node.quotas.expire(now))
            elif what == "ask":
                due = node.quotas.due_for_chain_check(now, 3)
                node.do(node.quotas.apply_chain_answer(due, due[:which], now))
                named |= set(due[:which])
            elif what == "opened":
                node.quotas.mark_opened(file(number), READER, now)
                pinned.pop(file(number), None)
            elif what == "wait":
                now += (5.0, 61.0, OLD, LIMITS.address_seconds + 1)[which]
        except (QuotaReached, StoreFull, TicketRefused, NotFound):
            assert node.stored == before, "a refusal changes nothing"
        for lost in node.dropped[dropped:]:
            _, touched, size = opened.pop(lost)
            assert now - touched > LIMITS.stall_seconds or size < LIMITS.min_rate * 61, "it made progress"
        for gone in before - node.stored:
            assert gone not in named
            assert pinned.pop(gone, 0.0) <= now
        check_accounts(node)


def check_accounts(node: Node) -> None:
    quotas = node.quotas
    assert set(node.stored) == set(quotas._files)
    below = (0, 0, 0)
    for kind in ClientKind:
        files = [known for known in quotas._files.values() if known.kind is kind]
        uploads = [known for known in quotas._open.values() if known.client.kind is kind]
        disk = sum(known.disk for known in files) + sum(known.disk for known in uploads)
        assert quotas.used(kind) == (disk, len(files) + len(uploads), len(uploads))
        below = tuple(a + b for a, b in zip(below, quotas.used(kind), strict=True))  # type: ignore[assignment]
        assert all(used <= cap for used, cap in zip(below, LIMITS.cap(kind), strict=True))
    for name, files in quotas._clients.items():
        own = [known for known in quotas._open.values() if known.client.name == name]
        size = sum(hold.size for hold in files.values()) + sum(known.disk for known in own)
        assert quotas.charged(name) == (size, len(files) + len(own), len(own))
        assert size <= 20 * BLOCK_BYTES


def test_holds_come_back_as_they_were() -> None:
    hold = FileHold(file(1), ACCOUNT.name, ClientKind.ACCOUNT, BLOCK_BYTES, 1.0, 2.0)
    again = StorageQuotas(LIMITS, checks_chain=False, holds=[hold], named=[file(1), file(9)])
    assert (again.holds(file(1)), again.used(ClientKind.ACCOUNT)) == ((hold,), (BLOCK_BYTES, 1, 0))
    assert again.expire(3.0) == ()
    other = StorageQuotas(LIMITS, checks_chain=False, holds=[hold])
    assert other.expire(3.0) == (RemoveHold(file(1), ACCOUNT.name), RemoveFile(file(1)))
    assert RecordHold(hold) != RecordHold(FileHold(file(2), ACCOUNT.name, ClientKind.ACCOUNT, BLOCK_BYTES, 1.0, 2.0))
