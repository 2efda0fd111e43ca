"""All endings of a task: the proved cause, what PoCo does with the money, what the requester reads.

This table is the source of docs/protocol/outcomes.md; a test compares the page. It documents decisions that other
modules make.
"""

from dataclasses import dataclass
from typing import Final, Literal

from sealgrid.receipts.receipt import ExitClass

Cause = Literal["nobody", "app", "input", "requester", "seller", "machine", "owner later", "unproved"]
Money = Literal["settled", "refunded"]


@dataclass(frozen=True, slots=True)
class TaskEnding:
    """One way in which a task can end."""

    event: str
    cause: Cause  #: as the enclave, the vaults or the chain prove it
    proof: str  #: what proves the cause, or why it cannot be proved
    exit_class: ExitClass | None  #: in the receipt; None where there is no receipt
    message: str  #: what the requester reads
    bound: str = ""  #: how much a party can gain or destroy by causing this deliberately

    @property
    def money(self) -> Money:
        """Return whether PoCo pays the sellers and the pool, or refunds the requester and fines the pool."""
        return "refunded" if self.exit_class is None else "settled"


ENDINGS: Final[tuple[TaskEnding, ...]] = (
    TaskEnding("the app ends with exit code 0", "nobody", "the enclave's receipt", "ok", "the result"),
    TaskEnding(
        "the app ends with another exit code, or leaves output that is too large or no plain files",
        "app",
        "the enclave saw the app end by itself",
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
        "t vaults refuse the deal by a number of `attestation/refusals.py`, as it stood since 300 s before the match",
        "requester",
        "t vaults sign the same facts, which name the number, for an attested enclave",
        "refused",
        "DealRefused with the number: the run was paid",
        "none for a requester alone; a seller is paid as well, since PoCo cannot pay the pool alone",
    ),
    TaskEnding(
        "the dataset's sealed file does not open with the key that its owner deposited",
        "seller",
        "the enclave compared both with what the vaults vouch for",
        "unopened",
        "AppFailed with the reason",
        "the seller is paid once for each key that it deposits: t vaults refuse the key from then on (7.22)",
    ),
    TaskEnding(
        "another task of a dataset whose key did not open its file (7.22), and its price is above 0",
        "seller",
        "t vaults could sign it, but PoCo would pay the seller for it",
        None,
        "HostFailed with the number, at once",
        "30 % of the pool's price a task, for other tasks of the deal that found it and for who buys in spite of a "
        "preview; pools sell small volumes",
    ),
    TaskEnding(
        "a deal for a model that its owner must prove first (7.23), and its price is above 0",
        "seller",
        "t vaults could sign it, but PoCo would pay the seller for a key that it never proved",
        None,
        "HostFailed with the number, at once",
        "30 % of the pool's price a task, for who buys an offer made before the proof in spite of a preview; our "
        "clients make none; pools sell small volumes",
    ),
    TaskEnding(
        "a policy, a key or an owner changed after the match, so that vaults refuse",
        "owner later",
        "the pool asks the vaults: n - t + 1 refuse, fewer than t would let it be settled",
        None,
        "HostFailed with the number, at once",
        "seller and requester together: 30 % of the pool's price a task; pools sell small volumes, and to groups that "
        "leave out who caused losses",
    ),
    TaskEnding(
        "a seller gave the vaults no key or no policy (7.1, 7.2) and its price is above 0",
        "seller",
        "t vaults could sign it, but PoCo would pay the seller for it",
        None,
        "HostFailed with the number, at once",
        "30 % of the pool's price a task, for who finds such an offer; a preview finds it first",
    ),
    TaskEnding(
        "vaults refuse by what a worker has to show: 7.11, 7.15, 7.17 where lists are missing, 7.18",
        "unproved",
        "a worker could keep it back",
        None,
        "HostFailed after three enclaves",
        "30 % of the pool's price a task: iExec's client may ask for encryption without a registered key",
    ),
    TaskEnding(
        "counts of other buyers grew between the match and the release (7.9)",
        "unproved",
        "nobody is proved to have known",
        None,
        "HostFailed with the number, at once",
        "30 % of the pool's price for each deal above the uses left; offers of small volume bound it",
    ),
    TaskEnding(
        "vaults refuse the machine: 1 to 4b, 3.1 to 3.10, 5 on this runtime and platform, 6",
        "machine",
        "its evidence",
        None,
        "HostFailed after three enclaves, or another worker's result",
        "a requester may buy what no machine of the pool may run: 30 % of the pool's price; a preview says so first",
    ),
    TaskEnding(
        "fewer than t vaults refuse alike, or fewer than t answer",
        "unproved",
        "vaults disagree or are away",
        None,
        "HostFailed at the deadline",
        "fewer than t vaults settle nothing",
    ),
    TaskEnding(
        "the app ends by a signal, or at a limit of memory, processes or output, where the platform keeps exceptions "
        "and memory from the host (`end.2`, `end.3`)",
        "app",
        "the enclave saw it, and the host cannot cause it",
        "app-failed",
        "AppFailed with the runtime's reason",
    ),
    TaskEnding(
        "the app ends by a signal, or at such a limit, on another platform, or the guest's kernel ended a process for "
        "want of memory",
        "unproved",
        "a host can cause it",
        None,
        "HostFailed after three enclaves",
        "30 % of the pool's price a task, for a requester with an app of its own: on SEV-SNP for signals, on SGX for "
        "all of these",
    ),
    TaskEnding(
        "the app does not end within its processor time or wall time, and work probes showed the processors at half "
        "their calibrated speed or more (`end.4`)",
        "app",
        "the enclave's probes and its own clock",
        "app-failed",
        "AppFailed with the runtime's reason",
    ),
    TaskEnding(
        "the app does not end in its time on slower processors, on SEV-SNP or on SGX",
        "unproved",
        "a host can withhold processors",
        None,
        "HostFailed after three enclaves",
        "30 % of the pool's price a task: an endless loop costs it an overloaded or unproved machine",
    ),
    TaskEnding(
        "a worker falls silent, reports a failure, or reports a refusal that the vaults do not confirm",
        "machine",
        "the pool's lease; the vaults' signed previews",
        None,
        "another worker's result, or HostFailed after three",
        "one of a task's three enclaves each time that a worker takes it; who makes up a refusal gets it never again",
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
        "the deal has no TEE bit or trust above 1",
        "requester",
        "the deal itself, but no vault is asked",
        None,
        "HostFailed from the start",
        "30 % of the pool's price a task: PoCo matches it whatever the pool's order says",
    ),
    TaskEnding(
        "the pool, the workers or the chain stand still until the deadline",
        "unproved",
        "nothing",
        None,
        "HostFailed: the money comes back at the final deadline",
    ),
)

SEIZED_PERCENT: Final = 30  #: of the pool's price, locked at the match (PoCo's WORKERPOOL_STAKE_RATIO)
KITTY_LEAST_RLC: Final = (
    1  #: least amount that PoCo pays from the kitty, else a tenth, with a task whose price is not 0
)

_ROW = "| {event} | {cause} | {proof} | {settled} | {money} | {message} | {bound} |\n"
_MONEY: Final[dict[Money, tuple[str, str]]] = {
    "settled": ("settled", "app, dataset, pool and worker are paid; the requester pays"),
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
            settled=_settled(each),
            money=_MONEY[each.money][1],
            message=each.message,
            bound=each.bound or "-",
        )
        for each in ENDINGS
    )
    return head + "|---|---|---|---|---|---|---|\n" + "".join(rows)


def _settled(ending: TaskEnding) -> str:
    label = _MONEY[ending.money][0]
    return label if ending.exit_class is None else f"{label}, `{ending.exit_class}`"
