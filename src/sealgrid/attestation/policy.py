"""What a data owner allows: which app on which runtime and platform, on which machines (docs/protocol/policy.md)."""

import re
from enum import IntEnum
from typing import ClassVar, Final, Literal

from msgspec import UNSET, UnsetType

from sealgrid.crypto.signing import Statement
from sealgrid.units import Address, Digest

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
UNLIMITED: Final = 2**32 - 1  #: uses, where the owner counts none


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


class Machines(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which machines an owner trusts, beyond what every vault asks of a machine; the defaults ask for nothing more.

    Ids are compared without regard to letter case, as evidence gives them: a PPID or chip id in hex, a provider's
    name where its key signed; an FMSPC in hex or AMD's product as family.
    """

    TYPES: ClassVar = (
        ("string[]", "allowed"),
        ("string[]", "denied"),
        ("string[]", "families"),
        ("string[]", "forbiddenAdvisories"),
        ("uint32", "evaluation"),
        ("bool", "upToDate"),
    )

    allowed: tuple[str, ...] = ()  #: the only machines; empty for any
    denied: tuple[str, ...] = ()
    families: tuple[str, ...] = ()  #: the only generations of silicon; empty for any
    forbidden_advisories: tuple[str, ...] = ()  #: a machine to which one of them applies is refused
    evaluation: int = 0  #: least number of the collateral: no machine is judged by what was known before
    up_to_date: bool = True  #: Intel's status UpToDate only, whatever else a vault lets pass


def find_invalid_machine_id(machines: Machines) -> str | None:
    """Return the first id that no evidence can have; None when all may be right."""
    ids = (*machines.allowed, *machines.denied, *machines.families, *machines.forbidden_advisories)
    return next((each for each in ids if not _ID.fullmatch(each) or each[:2].casefold() == "0x"), None)


class Policy(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An owner's signed word about one asset; of two, the higher version holds."""

    TYPES: ClassVar = (
        ("address", "asset"),
        ("address", "owner"),
        ("uint64", "version"),
        ("uint64", "expiry"),
        ("Allowance[]", "allowed"),
        ("Machines", "machines"),
        ("address[]", "refused"),
        ("uint32", "usesPerRequesterHour"),
        ("uint32", "usesTotal"),
        ("uint8", "quorum"),
        ("uint8", "release"),
    )
    OPTIONAL: ClassVar = (("bool", "proved"),)
    NESTED: ClassVar = (Allowance, Machines)

    asset: Address
    owner: Address
    version: int
    expiry: int  #: Unix seconds; nothing is allowed from then on
    allowed: tuple[Allowance, ...]  #: empty denies everybody
    machines: Machines = Machines()
    refused: tuple[Address, ...] = ()  #: requesters that get nothing from now on, whatever they bought before
    uses_per_requester_hour: int
    uses_total: int = UNLIMITED  #: by everybody, for as long as this owner has it; where it counts, all vaults release
    quorum: int = 0  #: vaults that must release before the enclave uses the key; 0 for the federation's own t
    release: Literal[0, 1] = 0  #: 0: results open once the chain has paid (escrow); 1: at once (direct)
    proved: bool | UnsetType = UNSET  #: whether only the owner may use a key that no enclave opened the file with yet

    def quorum_among(self, vaults: int) -> int:
        """Return how many of the federation's vaults must release; 0 for its own t.

        Where uses are counted in total it is all of them: each counts what it released, so all count the same.
        """
        return self.quorum if self.uses_total == UNLIMITED else vaults

    def allowance_for(self, app: Digest, runtime: Digest, platform: Platform) -> Allowance | None:
        """Return what the owner allows to exactly this combination, or None, which denies it."""
        wanted = (app, runtime, platform)
        return next((each for each in self.allowed if (each.app, each.runtime, each.platform) == wanted), None)
