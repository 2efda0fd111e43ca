"""All endings of a task: the proved cause, what PoCo does with the money, what the requester reads.

This table is the source of docs/protocol/outcomes.md; a test compares the page. It documents decisions that other
modules make.
"""

from dataclasses import dataclass
from typing import Final, Literal

from sealgrid.receipts.receipt import ExitClass

Cause = Literal["none", "app", "input", "requester", "seller", "machine", "owner afterwards", "unproved"]
Money = Literal["settled", "refunded", "agreed", "nothing agreed"]


@dataclass(frozen=True, slots=True)
class TaskEnding:
    """One way in which a task can end."""

    event: str
    cause: Cause  #: as the enclave, the vaults or the chain prove it
    proof: str  #: what proves the cause, or why it cannot be proved
    exit_class: ExitClass | None  #: in the receipt; None where there is no receipt
    message: str  #: what the requester reads
    bound: str = ""  #: how much a party can gain or destroy by causing this deliberately
    agreed: bool | None = None  #: of a task without a TEE: whether enough of its workers agreed; None for other tasks

    @property
    def money(self) -> Money:
        """Return whether PoCo pays the sellers and the pool, or refunds the requester and fines the pool."""
        if self.agreed is not None:
            return "agreed" if self.agreed else "nothing agreed"
        return "refunded" if self.exit_class is None else "settled"


ENDINGS: Final[tuple[TaskEnding, ...]] = (
    TaskEnding("the app ends with exit code 0", "none", "the enclave's receipt", "ok", "the result"),
    TaskEnding(
        "the app ends with another exit code, or its output is too large or has other than plain files",
        "app",
        "the enclave observed that the app ended by itself",
        "app-failed",
        "AppFailed with the app's last line",
    ),
    TaskEnding(
        "a sealed input, a secret or public arguments fail a check of `input.1` to `input.9`, or do not open",
        "input",
        "the enclave opened it with the key that its requester deposited",
        "app-failed",
        "AppFailed with the reason",
    ),
    TaskEnding(
        "t vaults refuse the deal by a number of `attestation/requester_refusals.py` that applied from 300 s before "
        "the match",
        "requester",
        "t vaults sign the same facts with the number for an attested enclave",
        "refused",
        "DealRefused with the number: the run was paid",
        "none for a requester alone; the seller is paid too, since PoCo cannot pay the pool alone",
    ),
    TaskEnding(
        "the dataset's sealed file does not open with the key that its owner deposited",
        "seller",
        "the enclave verified both against the vaults' facts",
        "unopened",
        "AppFailed with the reason",
        "the seller is paid once for each key that it deposits: t vaults refuse the key from then on (7.22)",
    ),
    TaskEnding(
        "another task of a dataset whose key did not open its file (7.22), and its price is above 0",
        "seller",
        "t vaults could sign it, but PoCo would pay the seller for it",
        None,
        "DealRefused with the number, at once",
        "30 % of the pool's price a task, for other tasks of the same deal and for purchases despite a preview; pools "
        "sell small volumes",
    ),
    TaskEnding(
        "a deal for a model whose key was not proved as its policy requires (7.23), and its price is above 0",
        "seller",
        "t vaults could sign it, but PoCo would pay the seller for an unproved key",
        None,
        "DealRefused with the number, at once",
        "30 % of the pool's price a task, for purchases despite a preview of an offer that precedes the proof; "
        "Sealgrid's clients make no such offer; pools sell small volumes",
    ),
    TaskEnding(
        "a policy, a key or an owner changed after the match, so vaults refuse",
        "owner afterwards",
        "the pool requests previews: n - t + 1 vaults refuse, fewer than t would settle the refusal",
        None,
        "DealRefused with the number, at once",
        "seller and requester together: 30 % of the pool's price a task; pools sell small volumes, and to groups that "
        "exclude accounts that caused losses",
    ),
    TaskEnding(
        "a seller gave the vaults no key or no policy (7.1, 7.2) and its price is above 0",
        "seller",
        "t vaults could sign it, but PoCo would pay the seller for it",
        None,
        "DealRefused with the number, at once",
        "30 % of the pool's price a task, for purchases of such an offer despite a preview",
    ),
    TaskEnding(
        "vaults refuse because of a document that the worker relays: 7.11, 7.15, 7.17 where lists are missing, 7.18",
        "unproved",
        "the worker could have withheld it",
        None,
        "HostFailed after three enclaves",
        "30 % of the pool's price a task: iExec's client may request encryption without a registered key",
    ),
    TaskEnding(
        "counts of other buyers grew between the match and the release (7.9)",
        "unproved",
        "no party provably knew it",
        None,
        "DealRefused with the number, at once",
        "30 % of the pool's price for each deal above the uses left; offers of small volume bound it",
    ),
    TaskEnding(
        "vaults refuse the machine: 1 to 4b, 3.1 to 3.10, 5 on this runtime and platform, 6",
        "machine",
        "its evidence",
        None,
        "HostFailed after three enclaves, or another worker's result",
        "30 % of the pool's price a task, for a requester that buys what no machine of the pool may run; a preview "
        "reports it",
    ),
    TaskEnding(
        "fewer than t vaults refuse by one number, or fewer than t answer",
        "unproved",
        "vaults disagree or are unreachable",
        None,
        "HostFailed at the deadline",
        "fewer than t vaults settle nothing",
    ),
    TaskEnding(
        "the app ends by a signal, or at a limit of memory, processes or output, where the platform denies the host "
        "exceptions and memory (`end.2`, `end.3`)",
        "app",
        "the enclave observed it, and the host cannot cause it",
        "app-failed",
        "AppFailed with the runtime's reason",
    ),
    TaskEnding(
        "the app ends by a signal, or at such a limit, on another platform, or the guest's out-of-memory killer ended "
        "a process",
        "unproved",
        "the host can cause it",
        None,
        "HostFailed after three enclaves",
        "30 % of the pool's price a task, for a requester with a crashing app: on SEV-SNP for signals, on SGX for all "
        "of these",
    ),
    TaskEnding(
        "the app exceeds its processor time or wall time, and work probes measured at least half of the calibrated "
        "speed (`end.4`)",
        "app",
        "the enclave's probes and its own clock",
        "app-failed",
        "AppFailed with the runtime's reason",
    ),
    TaskEnding(
        "the app exceeds its time on slower processors, on SEV-SNP or on SGX",
        "unproved",
        "the host can withhold processors",
        None,
        "HostFailed after three enclaves",
        "30 % of the pool's price a task: with an endless loop on an overloaded machine or such a platform",
    ),
    TaskEnding(
        "a worker stops responding, reports a failure, or reports a refusal that the vaults do not confirm",
        "machine",
        "the pool's lease; the vaults' signed previews",
        None,
        "another worker's result, or HostFailed after three",
        "one of a task's three enclaves each time that a worker takes it; a worker that invents a refusal does not "
        "get the task again",
    ),
    TaskEnding(
        "a stored file cannot be fetched, or has other bytes than its digest names",
        "unproved",
        "worker or storage can cause it",
        None,
        "HostFailed after three enclaves",
        "30 % of the pool's price a task",
    ),
    TaskEnding(
        "without a TEE: enough workers contribute the same result and reveal it",
        "none",
        "PoCo's consensus; nothing proves that the result is correct",
        None,
        "the result, or AppFailed with the exit code on which they agree",
        "the pool's operator, and who controls as many of its workers as must agree, decides the result",
        agreed=True,
    ),
    TaskEnding(
        "without a TEE: a minority contributes another result, or does not reveal",
        "machine",
        "PoCo's consensus, at a trust at which the others are a consensus beside it",
        None,
        "the result of the others",
        "each of the minority loses its stake to them, by default 30 % of the pool's price",
        agreed=True,
    ),
    TaskEnding(
        "without a TEE: the workers do not agree, do not reveal, or contribute what they did not commit to",
        "unproved",
        "the pool finalises no other result than the one on which the workers agree",
        None,
        "HostFailed: the price is refunded at the final deadline",
        "30 % of the pool's price a task, for a requester with an app that is not deterministic, and for a worker that "
        "commits to one result and contributes another at trust 2; pools sell small volumes",
        agreed=False,
    ),
    TaskEnding(
        "the deal has no TEE bit and has trust 1 or names a model, a secret or a callback, or has a TEE bit and "
        "trust above 1",
        "requester",
        "the deal itself, but no vault is involved",
        None,
        "HostFailed from the start",
        "30 % of the pool's price a task: PoCo matches it regardless of the pool's order",
    ),
    TaskEnding(
        "the pool, the workers or the chain stop until the deadline",
        "unproved",
        "nothing",
        None,
        "HostFailed: the price is refunded at the final deadline",
    ),
)

SEIZED_PERCENT: Final = 30  #: of the pool's price, locked at the match (PoCo's WORKERPOOL_STAKE_RATIO)
#: least amount that PoCo pays from the kitty, else a tenth, with a task whose price is not 0
KITTY_MIN_RLC: Final = 1

_ROW = "| {event} | {cause} | {proof} | {settled} | {money} | {message} | {bound} |\n"
_MONEY: Final[dict[Money, tuple[str, str]]] = {
    "settled": ("settled", "app, dataset, pool and worker are paid; the requester pays"),
    "agreed": (
        "finalised",
        "app and pool are paid, and the workers that agree share the rest with the seized stakes; the requester pays",
    ),
    "nothing agreed": (
        "not finalised",
        "everybody gets everything back: the requester the price, each worker its stake; the pool loses its own",
    ),
    "refunded": ("not settled", "the requester is refunded; the pool loses its stake to PoCo's kitty"),
}


def table() -> str:
    """Return the rows of docs/protocol/outcomes.md."""
    head = "| event | proved cause | proof | settled | money | the requester reads | bound |\n"
    rows = (
        _ROW.format(
            event=each.event,
            cause=each.cause,
            proof=each.proof,
            settled=_MONEY[each.money][0] + ("" if each.exit_class is None else f", `{each.exit_class}`"),
            money=_MONEY[each.money][1],
            message=each.message,
            bound=each.bound or "-",
        )
        for each in ENDINGS
    )
    return head + "|---|---|---|---|---|---|---|\n" + "".join(rows)
