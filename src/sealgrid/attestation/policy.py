"""What a data owner allows: which app, on which runtime, on which platform (docs/protocol/evidence.md)."""

from enum import IntEnum
from typing import ClassVar, Literal

from sealgrid.crypto.signing import Statement
from sealgrid.units import Address, Digest


class Platform(IntEnum):
    """Kinds of trusted hardware; the number is also the bit in the broker's bitmap."""

    SGX = 1
    TDX = 2
    SNP = 3
    SIMULATED = 255  #: protects nothing from the host's root; it exists to run the same code everywhere


class Allowance(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One exact combination that may use an asset. There is no wildcard."""

    TYPES: ClassVar = (
        ("bytes32", "app"),
        ("bytes32", "runtime"),
        ("uint8", "platform"),
        ("uint64", "outputBytes"),
        ("bool", "callback"),
    )

    app: Digest  #: digest of the app's manifest
    runtime: Digest  #: runtime identity
    platform: Platform
    output_bytes: int  #: cap on the padded result
    callback: bool  #: whether results may be published on the chain


class Policy(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An owner's signed word about one asset; of two, the higher version holds."""

    TYPES: ClassVar = (
        ("address", "asset"),
        ("address", "owner"),
        ("uint64", "version"),
        ("uint64", "expiry"),
        ("Allowance[]", "allowed"),
        ("uint32", "usesPerRequesterHour"),
        ("uint8", "release"),
    )
    NESTED: ClassVar = (Allowance,)

    asset: Address
    owner: Address
    version: int
    expiry: int  #: Unix seconds; nothing is allowed from then on
    allowed: tuple[Allowance, ...]  #: empty denies everybody
    uses_per_requester_hour: int
    release: Literal[0, 1] = 0  #: 0: results open once the chain has paid (escrow); 1: at once (direct)

    def allowance_for(self, app: Digest, runtime: Digest, platform: Platform) -> Allowance | None:
        """Return what the owner allows to exactly this combination, or None, which denies it."""
        wanted = (app, runtime, platform)
        return next((each for each in self.allowed if (each.app, each.runtime, each.platform) == wanted), None)
