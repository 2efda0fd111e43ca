"""A sentence for each revert reason of PoCo, its registries and its token, with what to change."""

import re
from typing import Final

_MATCH: Final = re.compile(r"iExecV5-matchOrders-0x([0-9a-f]{2})")

#: IexecPoco1Facet.matchOrders, by the number in its revert reason; the last two are the escrow's, without a number.
MATCH_REFUSALS: Final = {
    "00": "The request names another category than the workerpool order.",
    "01": "The category does not exist on this hub.",
    "02": "The request requires more trust than the workerpool order offers.",
    "03": "The app costs more than the request pays for it.",
    "04": "The dataset costs more than the request pays for it.",
    "05": "The workerpool costs more than the request pays for it.",
    "06": "The workerpool order's tag lacks a feature that the app, dataset or request requires.",
    "07": "The deal needs an enclave (TEE), but the app order's tag does not say that the app runs in one.",
    "10": "The request names another app than the app order.",
    "11": "The request names another dataset than the dataset order.",
    "12": "The request is restricted to another workerpool.",
    "13": "The app order is restricted to another dataset.",
    "14": "The app order is restricted to another workerpool.",
    "15": "The app order is restricted to another requester.",
    "16": "The dataset order is restricted to another app.",
    "17": "The dataset order is restricted to another workerpool.",
    "18": "The dataset order is restricted to another requester.",
    "19": "The workerpool order is restricted to another app.",
    "1a": "The workerpool order is restricted to another dataset.",
    "1b": "The workerpool order is restricted to another requester.",
    "20": "The app is not registered with this hub.",
    "21": "The app order is not signed by the app's present owner.",
    "30": "The dataset is not registered with this hub.",
    "31": "The dataset order is not signed by the dataset's present owner.",
    "40": "The workerpool is not registered with this hub.",
    "41": "The workerpool order is not signed by the workerpool's present owner.",
    "50": "The request order is not signed by its requester.",
    "60": "One of the orders is used up or was cancelled.",
    "funds": "The payer has less in escrow than the deal costs; deposit more.",
    "stake": "The workerpool's owner has less in escrow than the stake of the deal.",
}

#: Other reasons of PoCo, its registries and its token, by a part of their text.
OTHER_REFUSALS: Final = (
    ("IexecEscrow: Transfer amount exceeds balance", "The account's deposit in escrow is too small; deposit more."),
    ("invalid-signature-format", "A signature has a wrong length; sign the order again."),
    ("failled-transferFrom", "The token was not transferred; the wallet may not hold enough of it."),
    ("wrong-token", "Only this hub's own token can be deposited."),
    ("Create2: Failed on deploy", "The same owner already registered exactly this; change its name or content."),
    ("caller is not the owner", "Only the owner may do this."),
    ("SafeMath: subtraction overflow", "The account holds less than the amount."),
    ("task-pending", "The task has no result yet."),
    ("fallback-disabled", "The hub does not accept plain transfers; deposit the token."),
    ("Token: the balance is too small", "The wallet holds less of the token than the amount."),
)

NO_REASON: Final = (
    "The contract gave no reason; PoCo gives none when a task, its deadline or an authorisation does not fit."
)


def explain(reason: str) -> str:
    """Return a sentence for a revert reason; quote an unknown reason; say if there is none."""
    match = _MATCH.search(reason)
    if match and match[1] in MATCH_REFUSALS:
        return MATCH_REFUSALS[match[1]]
    for part, sentence in OTHER_REFUSALS:
        if part in reason:
            return sentence
    text = reason.strip()
    return f"The contract refused: {text[:200]}." if text else NO_REASON
