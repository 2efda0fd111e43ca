"""Sentences about deals that vaults refuse: what, by which vaults, and what the buyer can do."""

from collections.abc import Sequence
from typing import Final

from sealgrid.units import Address

NO_MACHINE: Final = "machine"  #: in place of a check's number: the pool advertises no machine that the owner allows

_OTHER_MODEL: Final = "choose another model, or ask its owner"
#: number of a check (docs/protocol/release.md) -> what to do; the longest prefix counts
_REMEDIES: Final = {
    NO_MACHINE: "buy at another pool (--pool), or ask the model's owner to allow its machines",
    "3": "buy at another pool (--pool), or ask the model's owner to allow its machines",
    "5": "choose an app that the model's owner approved, or ask the owner to approve this one",
    "7.1": _OTHER_MODEL,
    "7.2": "ask the model's owner to sign a new policy",
    "7.3": "buy the run without a callback contract, or with a deferred callback, or ask the owner to allow callbacks",
    "7.4": "wait an hour, or ask the owner to allow more uses an hour",
    "7.9": "choose another model, or ask its owner to allow more uses",
    "7.10": _OTHER_MODEL,
    "7.14": "name a result key in the order's params (params.sealgrid.result_key), as Sealgrid's clients do",
    "7.15": "register the beneficiary's key for results through iExec's API, or leave out iexec_result_encryption",
    "7.20": _OTHER_MODEL,
    "7.22": _OTHER_MODEL,
    "7.23": "choose another model until then",
}
_ANY: Final = "change the order"


def refusal_sentence(check: str, reason: str, refusing: Sequence[Address], vaults: Sequence[Address]) -> str:
    """Return one sentence: which of the vaults refuse a run, why, and what to do.

    ``reason`` is a vault's sentence, or another one about the check. Vaults are named by their index in the federation,
    from 1.
    """
    numbers = sorted(vaults.index(each) + 1 for each in refusing)
    who = f"vault{'s' if len(numbers) > 1 else ''} {_listed(numbers)} of {len(vaults)}"
    verb = "refuse" if len(numbers) > 1 else "refuses"
    return f"{who} {verb} this run: {reason.rstrip('.')}; {remedy(check)}."


def remedy(check: str) -> str:
    """Return what a buyer can do about a refusal."""
    number = check
    while number not in _REMEDIES and "." in number:
        number = number.rpartition(".")[0]
    return _REMEDIES.get(number, _ANY)


def _listed(numbers: Sequence[int]) -> str:
    *first, last = map(str, numbers)
    return f"{', '.join(first)} and {last}" if first else last
