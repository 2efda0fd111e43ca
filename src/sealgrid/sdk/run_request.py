"""What a purchase of one or several runs asks for: one frozen type from the client down to the signed request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sealgrid.errors import InputRefused
from sealgrid.poco.orders import DatasetOrder, WorkerpoolOrder
from sealgrid.units import ZERO_ADDRESS, Address


@dataclass(frozen=True, slots=True)
class RunRequest:
    """A run of ``app``, with names resolved to addresses and prices to nRLC.

    ``args``, ``files`` and ``secrets`` are sealed for the enclave. ``public_args`` and what the app passes to
    ``callback`` are public on the chain. Raises InputRefused for combinations that no run can have.
    """

    app: Address
    model: Address = ZERO_ADDRESS
    files: Sequence[tuple[str, bytes]] = field(default=(), repr=False)  #: names and contents
    args: Sequence[str] = field(default=(), repr=False)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)  #: IEXEC_REQUESTER_SECRET_n by n
    public_args: str = ""  #: quoted as for a shell; they come before ``args``
    callback: Address = ZERO_ADDRESS
    deferred_callback: bool = False  #: the chain gets a commitment; the data open with the result
    tasks: int = 1  #: on the same input, in one deal
    max_price: int | None = None  #: nRLC for all tasks together
    category: int | None = None  #: the network's short category by default
    pool: str | None = None  #: where computing is bought, as ``pool_selection.pools_named`` reads it
    model_order: DatasetOrder | None = None  #: this order instead of the model's cheapest
    pool_order: WorkerpoolOrder | None = None  #: this order instead of a pool's cheapest

    def __post_init__(self) -> None:
        if self.callback != ZERO_ADDRESS and self.deferred_callback:
            raise InputRefused("a run has a callback contract or a deferred callback, not both.")
        if self.tasks < 1:
            raise InputRefused(f"{self.tasks} tasks cannot be bought; buy one or more.")
