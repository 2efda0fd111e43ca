"""Refusals caused by the deal: checks of docs/protocol/release.md that a settled task may name.

Facts contain only the number, so all vaults sign the same bytes.
"""

from typing import Final

#: Refused on every machine, already when the deal was matched. Check number -> message.
REQUESTER_REFUSALS: Final[dict[str, str]] = {
    "5": "the owner's policy does not allow this app on this runtime and platform.",
    "7": "the deal's params cannot be used.",
    "7.1": "the vaults have no key of this dataset.",
    "7.2": "the dataset has no policy, or one that has expired.",
    "7.3": "the dataset's owner does not allow results to be published by a callback.",
    "7.4": "the requester bought more uses in an hour than the dataset's owner allows.",
    "7.5": "the requester did not give the vaults the key of an input that the deal names.",
    "7.6": "the requester did not grant an input to this app for this deal.",
    "7.8": "the deal's params name an input file by a URL without its digest (#sha256=).",
    "7.9": "the dataset was used as often as its owner allows.",
    "7.10": "the dataset's owner refuses this requester.",
    "7.12": "the dataset was sold by an order that does not name this app.",
    "7.13": "the deal's params ask for a storage that no enclave here uses.",
    "7.14": "the dataset's owner allows sealed results only, and the deal's params name no result key.",
    "7.16": "the requester did not push a secret that the deal's params name.",
    "7.17": "the deal's bulk has no slice for this task, or one that cannot be read.",
    "7.22": "the dataset's file did not open with the key that its owner deposited.",
    "7.23": "no enclave had opened the dataset's file with the key that its owner deposited.",
}


def refusal_message(check: str) -> str:
    """Return the message of a settled refusal; unknown numbers get a general message."""
    return REQUESTER_REFUSALS.get(check, "the deal asks for what its vaults do not release.")
