"""A data owner's policy: allowed apps, runtimes, platforms and machines (docs/protocol/policy.md)."""

import re
from enum import IntEnum
from typing import ClassVar, Final, Literal

from msgspec import UNSET, UnsetType

from sealgrid.crypto.signing import Statement
from sealgrid.units import Address, Digest

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}")
UNLIMITED: Final = 2**32 - 1  #: value of ``uses_total`` without a limit


class Platform(IntEnum):
    """Kinds of trusted hardware; the number is the bit in the broker's bitmap."""

    SGX = 1
    TDX = 2
    SNP = 3
    SIMULATED = 255  #: gives no protection from the host; runs the same code everywhere


class Allowance(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One exact combination that may use an asset; there are no wildcards."""

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
    """An owner's requirements on machines, beyond those of every vault; the defaults add none.

    Ids are compared case-insensitively, in the form of the evidence: PPID or chip id in hex, or the provider's name if
    its key signed; families are FMSPCs in hex or AMD products.
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
    forbidden_advisories: tuple[str, ...] = ()  #: a machine with one of them is refused
    evaluation: int = 0  #: minimum evaluation number of the collateral
    up_to_date: bool = True  #: require Intel's TCB status UpToDate, even if vaults accept others


def find_invalid_machine_id(machines: Machines) -> str | None:
    """Return the first id that cannot occur in evidence, or None."""
    ids = (*machines.allowed, *machines.denied, *machines.families, *machines.forbidden_advisories)
    return next((each for each in ids if not _ID.fullmatch(each) or each[:2].casefold() == "0x"), None)


class Policy(Statement, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An owner's signed policy of one asset; the highest version is in force."""

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
    allowed: tuple[Allowance, ...]  #: empty denies all
    machines: Machines = Machines()
    refused: tuple[Address, ...] = ()  #: requesters that are refused, also for deals made before
    uses_per_requester_hour: int
    uses_total: int = UNLIMITED  #: by all requesters, under this owner; with a limit, all vaults must release
    quorum: int = 0  #: vaults that must release before the enclave uses the key; 0 for the federation's own t
    release: Literal[0, 1] = 0  #: 0: results open once the chain has paid (escrow); 1: at once (direct)
    proved: bool | UnsetType = UNSET  #: whether only the owner may use a key with which no enclave has opened the file

    def quorum_among(self, vaults: int) -> int:
        """Return how many of the federation's vaults must release; 0 for its t.

        With a total limit of uses it is all of them, so every vault counts every use.
        """
        return self.quorum if self.uses_total == UNLIMITED else vaults

    def allowance_for(self, app: Digest, runtime: Digest, platform: Platform) -> Allowance | None:
        """Return the allowance of exactly this combination, or None if it is denied."""
        combination = (app, runtime, platform)
        return next((each for each in self.allowed if (each.app, each.runtime, each.platform) == combination), None)
