"""What a vault knows of the chain when it decides: plain data, all of it read at one confirmed block."""

from dataclasses import dataclass

from sealgrid.chain.views import ContributionView, DealView, TaskView
from sealgrid.units import ZERO_ADDRESS, Address, Digest, TaskId


@dataclass(frozen=True, slots=True)
class DatasetOnChain:
    """A dataset NFT: who owns it now, and the checksum that it was registered with."""

    address: Address
    owner: Address
    checksum: Digest


@dataclass(frozen=True, slots=True)
class AppOnChain:
    """An app NFT and who owns it now."""

    address: Address
    owner: Address


@dataclass(frozen=True, slots=True)
class DealSnapshot:
    """The chain at one confirmed block, as far as one deal is concerned, made or proposed."""

    block: int
    block_hash: Digest
    time: int  #: timestamp of the block
    broker: Address  #: the hub's teebroker
    vault_set: Digest  #: the federation that our broker or gate has in force
    deal: DealView
    app_checksum: Digest
    app_owner: Address  #: of the NFT now; the deal names who owned it when it was made
    dataset: DatasetOnChain | None  #: None when the deal has none


@dataclass(frozen=True, slots=True)
class ChainSnapshot(DealSnapshot):
    """The chain at one confirmed block, as far as one task is concerned."""

    pool_speaker: Address  #: whose signature authorises for the deal's pool: its owner, or the operator of our gate
    task_id: TaskId
    task: TaskView
    runtime_allowed: bool = False  #: whether the broker lists the attested runtime; False when none was asked for
    contribution: ContributionView | None = None  #: of the worker that was asked for
    pool_contract_agrees: bool | None = None  #: ERC-1271 word of a speaker that is a contract; None for an EOA

    def seconds_left(self, at: int) -> int:
        """Return the seconds until the contribution deadline, by the later of the block's clock and ``at``.

        A chain that makes no blocks has a clock that stands; ours does not.
        """
        return self.task.contribution_deadline - max(self.time, at)

    @property
    def has_dataset(self) -> bool:
        """Return whether the deal is about a dataset."""
        return self.deal.dataset.pointer != ZERO_ADDRESS
