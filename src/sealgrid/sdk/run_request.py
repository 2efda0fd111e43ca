"""What a purchase of one or several runs asks for: one frozen type from the client down to the signed request."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sealgrid.errors import InputRefused, TeeRequired
from sealgrid.poco.constants import MIN_TRUST_WITHOUT_TEE
from sealgrid.poco.orders import DatasetOrder, WorkerpoolOrder
from sealgrid.poco.tags import NO_TAG, TEE_TAG
from sealgrid.units import ZERO_ADDRESS, Address, Digest

MAX_TRUST: Final = 1 << 7  #: seven workers that are new agree; a pool's limit may be lower
DEFAULT_TRUST: Final = 3  #: of a run without a TEE: two workers that are new must agree


def trust_of(trust: int | None, *, tee: bool) -> int:
    """Return the trust of a run, by default 1 in an enclave and 3 without one."""
    return trust if trust is not None else 1 if tee else DEFAULT_TRUST


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
    tee: bool = True  #: whether an enclave computes it; else everything is public, and several workers compute it
    trust: int = 1  #: PoCo's, of a run without a TEE: r workers that are new must agree at up to 2^r
    pool: str | None = None  #: where computing is bought, as ``pool_selection.pools_named`` reads it
    model_order: DatasetOrder | None = None  #: this order instead of the model's cheapest
    pool_order: WorkerpoolOrder | None = None  #: this order instead of a pool's cheapest

    def __post_init__(self) -> None:
        if self.callback != ZERO_ADDRESS and self.deferred_callback:
            raise InputRefused("a run has a callback contract or a deferred callback, not both.")
        if self.tasks < 1:
            raise InputRefused(f"{self.tasks} tasks cannot be bought; buy one or more.")
        if self.tee and self.trust != 1:
            raise InputRefused("a run in an enclave is computed once; a trust belongs to a run without a TEE.")
        if not self.tee and not MIN_TRUST_WITHOUT_TEE <= self.trust <= MAX_TRUST:
            raise InputRefused(
                f"the trust of a run without a TEE is from {MIN_TRUST_WITHOUT_TEE} to {MAX_TRUST}, not {self.trust}; "
                "at 1 PoCo pays one worker without a comparison."
            )
        if not self.tee:
            self._require_public()

    def _require_public(self) -> None:
        """Raise TeeRequired for what a run without a TEE cannot protect."""
        secret = {
            "a model": self.model != ZERO_ADDRESS or self.model_order is not None,
            "a secret": bool(self.secrets),
            "a callback": self.callback != ZERO_ADDRESS or self.deferred_callback,
        }
        if named := [name for name, present in secret.items() if present]:
            raise TeeRequired(f"this run has {' and '.join(named)}, which only an enclave protects; buy it with a TEE.")

    @property
    def tag(self) -> Digest:
        """Return PoCo's tag."""
        return TEE_TAG if self.tee else NO_TAG
