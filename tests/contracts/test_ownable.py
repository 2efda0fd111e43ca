"""The ownership module (contracts/lib/ownable.vy), in a contract that exports all of it."""

import pytest

from sealgrid.chain import artifacts
from sealgrid.chain.abi import interface
from sealgrid.chain.accounts import development_key
from sealgrid.chain.blocks import TransactionReceipt
from sealgrid.errors import ContractReverted
from sealgrid.units import ZERO_ADDRESS, Address
from tests.contracts.memory_chain import MemoryNode, MemoryWallet, now

CONTRACT = "AccessPolicy"
NOT_OWNER, NOT_PROPOSED = "ownable: caller is not the owner", "ownable: not the proposed owner"


class Owned:
    """A deployed contract and three accounts: its owner, an heir, a stranger."""

    def __init__(self) -> None:
        self.node = MemoryNode()
        self.owner, self.heir, self.stranger = (
            MemoryWallet(self.node, development_key(name)) for name in ("owner", "publisher", "stranger")
        )
        self.address = now(self.owner.deploy(artifacts.bytecode(CONTRACT), artifacts.abi(CONTRACT)))

    def call(self, wallet: MemoryWallet, function: str, *arguments: object) -> TransactionReceipt:
        return now(wallet.call(self.address, CONTRACT, function, *arguments))

    def read(self, function: str) -> Address:
        abi = interface(CONTRACT)
        return Address(abi.decode(function, now(self.node.call(self.address, abi.call_data(function)))))

    @property
    def owners(self) -> tuple[Address, Address]:
        """The owner and the proposed owner."""
        return self.read("owner"), self.read("pending_owner")


@pytest.fixture
def owned() -> Owned:
    return Owned()


def events(receipt: TransactionReceipt) -> list[tuple[str, tuple[object, ...]] | None]:
    return [interface(CONTRACT).decode_event(log.topics, log.data) for log in receipt.logs]


def test_the_deployer_is_the_owner_and_no_transfer_is_open(owned: Owned) -> None:
    assert owned.owners == (owned.owner.address, ZERO_ADDRESS)


def test_a_proposed_owner_has_no_rights_before_accepting(owned: Owned) -> None:
    receipt = owned.call(owned.owner, "transfer_ownership", owned.heir.address)
    assert events(receipt) == [("OwnershipTransferStarted", (owned.owner.address, owned.heir.address))]
    assert owned.owners == (owned.owner.address, owned.heir.address)
    with pytest.raises(ContractReverted, match=NOT_OWNER):
        owned.call(owned.heir, "revoke", owned.stranger.address)
    owned.call(owned.owner, "revoke", owned.stranger.address)


def test_after_accepting_only_the_new_owner_has_rights(owned: Owned) -> None:
    owned.call(owned.owner, "transfer_ownership", owned.heir.address)
    receipt = owned.call(owned.heir, "accept_ownership")
    assert events(receipt) == [("OwnershipTransferred", (owned.owner.address, owned.heir.address))]
    assert owned.owners == (owned.heir.address, ZERO_ADDRESS)
    with pytest.raises(ContractReverted, match=NOT_OWNER):
        owned.call(owned.owner, "revoke", owned.stranger.address)
    owned.call(owned.heir, "revoke", owned.stranger.address)


def test_a_transfer_is_accepted_once(owned: Owned) -> None:
    owned.call(owned.owner, "transfer_ownership", owned.heir.address)
    owned.call(owned.heir, "accept_ownership")
    with pytest.raises(ContractReverted, match=NOT_PROPOSED):
        owned.call(owned.heir, "accept_ownership")


@pytest.mark.parametrize("name", ["owner", "stranger"])
def test_only_the_proposed_owner_accepts(owned: Owned, name: str) -> None:
    owned.call(owned.owner, "transfer_ownership", owned.heir.address)
    with pytest.raises(ContractReverted, match=NOT_PROPOSED):
        owned.call(getattr(owned, name), "accept_ownership")
    assert owned.owners == (owned.owner.address, owned.heir.address)


def test_a_later_proposal_replaces_an_earlier_one(owned: Owned) -> None:
    owned.call(owned.owner, "transfer_ownership", owned.heir.address)
    owned.call(owned.owner, "transfer_ownership", owned.stranger.address)
    with pytest.raises(ContractReverted, match=NOT_PROPOSED):
        owned.call(owned.heir, "accept_ownership")
    owned.call(owned.stranger, "accept_ownership")
    assert owned.owners == (owned.stranger.address, ZERO_ADDRESS)


def test_proposing_address_zero_cancels_the_transfer(owned: Owned) -> None:
    owned.call(owned.owner, "transfer_ownership", owned.heir.address)
    owned.call(owned.owner, "transfer_ownership", ZERO_ADDRESS)
    with pytest.raises(ContractReverted, match=NOT_PROPOSED):
        owned.call(owned.heir, "accept_ownership")
    assert owned.owners == (owned.owner.address, ZERO_ADDRESS)


def test_renouncing_ends_an_open_transfer_and_leaves_no_owner(owned: Owned) -> None:
    owned.call(owned.owner, "transfer_ownership", owned.heir.address)
    receipt = owned.call(owned.owner, "renounce_ownership")
    assert events(receipt) == [("OwnershipTransferred", (owned.owner.address, ZERO_ADDRESS))]
    assert owned.owners == (ZERO_ADDRESS, ZERO_ADDRESS)
    with pytest.raises(ContractReverted, match=NOT_PROPOSED):
        owned.call(owned.heir, "accept_ownership")
    with pytest.raises(ContractReverted, match=NOT_OWNER):
        owned.call(owned.owner, "transfer_ownership", owned.owner.address)


@pytest.mark.parametrize(
    "call", [("transfer_ownership", ZERO_ADDRESS), ("renounce_ownership",)], ids=lambda call: call[0]
)
def test_only_the_owner_transfers_and_renounces(owned: Owned, call: tuple[str, ...]) -> None:
    owned.call(owned.owner, "transfer_ownership", owned.heir.address)
    for wallet in (owned.heir, owned.stranger):
        with pytest.raises(ContractReverted, match=NOT_OWNER):
            owned.call(wallet, *call)
    assert owned.owners == (owned.owner.address, owned.heir.address)


@pytest.mark.parametrize("contract", ["AccessPolicy", "TeeBroker", "PoolGate"])
def test_every_owned_contract_exports_the_same_functions(contract: str) -> None:
    names = {entry["name"] for entry in artifacts.abi(contract) if entry["type"] == "function"}
    assert names >= {"owner", "pending_owner", "transfer_ownership", "accept_ownership", "renounce_ownership"}
