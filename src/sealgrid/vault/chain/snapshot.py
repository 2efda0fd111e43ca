"""Chain state at one confirmed block, as plain data for a vault's checks."""

from dataclasses import dataclass

from sealgrid.chain.views import ContributionView, DealView, TaskView
from sealgrid.units import Address, Digest, TaskId


@dataclass(frozen=True, slots=True)
class DatasetOnChain:
    """A dataset NFT with its current owner and registered checksum."""

    address: Address
    owner: Address
    checksum: Digest


@dataclass(frozen=True, slots=True)
class AppOnChain:
    """An app NFT with its current owner."""

    address: Address
    owner: Address


@dataclass(frozen=True, slots=True)
class DealSnapshot:
    """The chain state of one deal, made or proposed, at one confirmed block."""

    block: int
    block_hash: Digest
    time: int  #: timestamp of the block
    broker: Address  #: the hub's teebroker
    vault_set: Digest  #: digest of the federation that the broker or gate currently accepts
    deal: DealView
    app_checksum: Digest
    app_owner: Address  #: current owner of the NFT; the deal names the owner at its match
    dataset: DatasetOnChain | None  #: None for a deal without a dataset


@dataclass(frozen=True, slots=True)
class ChainSnapshot(DealSnapshot):
    """The chain state of one task at one confirmed block."""

    pool_signer: Address  #: who signs for the deal's pool: its owner, or the operator of the PoolGate that owns it
    task_id: TaskId
    task: TaskView
    runtime_allowed: bool = False  #: whether the broker lists the attested runtime; False if not read
    contribution: ContributionView | None = None  #: of one worker; None if not read
    pool_contract_accepts: bool | None = None  #: ERC-1271 result of a pool signer that is a contract; None for an EOA

    def seconds_left(self, at: int) -> int:
        """Return the seconds until the contribution deadline, by the later of the block's time and ``at``.

        The block's time does not advance on a chain that makes no blocks.
        """
        return self.task.contribution_deadline - max(self.time, at)
