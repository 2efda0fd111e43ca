"""Everything that Sealgrid raises on purpose.

::

    SealgridError
    ├── InputRefused            what you gave cannot be used; change it
    │   └── FileTooLarge        a file is larger than a store takes
    ├── SetupMissing            a program, file or package is not installed
    ├── CheckFailed             a numbered verification said no
    │   ├── ContainerRefused    a sealed file was altered, cut, or is opened with the wrong key
    │   ├── SharesRefused       key shares do not fit their signed record
    │   ├── EvidenceRefused     a quote does not prove what it should
    │   ├── ReleaseRefused      a vault keeps its share
    │   │   └── DealRefused     because of what the deal asks for, whatever machine runs it
    │   ├── ReceiptRefused      a receipt does not prove what it should
    │   ├── LogRefused          a vault's log does not prove what it should
    │   ├── BundleRefused       an app bundle differs from its manifest
    │   │   └── InterpreterMismatch  an app or a wheel is built for another Python than the network's
    │   ├── SecretRefused       a secret that came by iExec's route is none that we take
    │   │   ├── SecretNotSigned whom it belongs to did not sign it
    │   │   ├── SecretExists    it is there already; iExec's secrets are written once
    │   │   └── SecretTooLarge  it is longer than any secret
    │   ├── NodesDisagree       two nodes of one chain say different things about it
    │   ├── CallRefused         a signed call to a pool or market is not whom it says, or too old
    │   │   └── SessionEnded    a pool does not know the session of a worker's call; log in again
    │   └── TicketRefused       an upload ticket does not hold
    ├── OrderRefused            an order cannot be signed, published or matched
    │   └── OrderMalformed      it is not written as PoCo's orders are
    ├── TooManyRequests         a service was asked more often than it answers one client
    │   └── QuotaReached        one client stores as much as it may
    ├── ChainError              the chain did not do what was asked
    │   ├── ChainReplaced       the chain is not the one that was followed so far
    │   └── ContractReverted    a contract said no, with its reason
    │       └── ProofRefused    the broker said no to a proof, with the number of its check
    ├── NotFound                nothing is known under that name
    ├── ServiceUnavailable      a part does not answer; try again
    │   └── StoreFull           a storage node has no room; use another node or try later
    ├── ContentDiffers          a store gave other bytes than the digest names; ask another
    ├── StillRunning            somebody stopped waiting for a task; it goes on
    ├── TaskFailed              a task ended without a result
    │   ├── AppFailed           the app itself failed; settled and paid
    │   │   └── FileUnopened    a sealed file does not open with the key that was deposited for it
    │   └── HostFailed          the machine failed; never paid
    └── NetworkNotRunning       no local network answers
"""

from typing import ClassVar, Self

_BY_NAME: dict[str, type["SealgridError"]] = {}


class SealgridError(Exception):
    """One sentence that says what happened and what to do.

    ``money`` says what became of the money of the run that this is about. Only ``sdk/money.py`` writes it, from the
    state of the run's task on the chain. It is empty where no run is bought, and another process never sets it.
    """

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 400

    def __init__(self, message: str, *, money: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.money = money

    def __init_subclass__(cls) -> None:
        _BY_NAME[cls.__name__] = cls

    def __str__(self) -> str:
        return f"{self.reason} {self.money}".strip()

    @property
    def reason(self) -> str:
        """Return what happened, without a word about money: for who retells it to somebody else."""
        return self.message

    def to_wire(self) -> dict[str, str]:
        """Return the body of an HTTP error; ``error`` is the sentence, as iExec's services spell it."""
        return {"error": self.message, "type": type(self).__name__, **self._details()}

    def _details(self) -> dict[str, str]:
        return {}

    @classmethod
    def _rebuild(cls, body: dict[str, str]) -> Self:
        return cls(body["error"])


class InputRefused(SealgridError):
    """What was given cannot be used; change it and try again."""


class FileTooLarge(InputRefused):
    """A file is larger than a store takes; use a store with a larger limit."""

    http_status = 413


class SetupMissing(SealgridError):
    """A program, file or package that this needs is not installed."""


class CheckFailed(SealgridError):
    """A numbered verification failed; ``check`` is the number in the docstring of the verification."""

    http_status = 403

    def __init__(self, check: str, message: str, *, money: str = "") -> None:
        super().__init__(message, money=money)
        self.check = check

    @property
    def reason(self) -> str:
        """Return what happened, after the number of the check."""
        return f"({self.check}) {self.message}"

    def _details(self) -> dict[str, str]:
        return {"check": self.check}

    @classmethod
    def _rebuild(cls, body: dict[str, str]) -> Self:
        return cls(body.get("check", "?"), body["error"])


class ContainerRefused(CheckFailed):
    """A sealed file was altered, cut short, or is opened with the wrong key."""


class SharesRefused(CheckFailed):
    """Key shares do not fit their signed record."""


class EvidenceRefused(CheckFailed):
    """A quote does not prove what it should."""


class ReleaseRefused(CheckFailed):
    """A vault keeps its share."""


class DealRefused(ReleaseRefused):
    """A deal asks for what its vaults do not release, whatever machine runs it; buy something else."""


class ReceiptRefused(CheckFailed):
    """A receipt does not prove what it should."""


class LogRefused(CheckFailed):
    """A vault's log does not prove what it should, or contradicts itself."""


class BundleRefused(CheckFailed):
    """An app bundle differs from its manifest, or its manifest breaks a rule."""


class InterpreterMismatch(BundleRefused):
    """An app, or a wheel of it, is built for another Python than the one that the network runs apps on."""


class SecretRefused(CheckFailed):
    """A secret that was pushed by iExec's route cannot be taken (docs/protocol/iexec-secrets.md)."""

    http_status = 400


class SecretNotSigned(SecretRefused):
    """Whoever it belongs to did not sign it."""

    http_status = 401


class SecretExists(SecretRefused):
    """It is there already, and written once."""

    http_status = 409


class SecretTooLarge(SecretRefused):
    """It is longer than iExec lets a secret be."""

    http_status = 413


class CallRefused(CheckFailed):
    """A call that must be signed is not: by this worker for this pool, or by this account for a market, now."""


class SessionEnded(CallRefused):
    """The session of a worker's call is unknown to this pool, or has ended; log in again."""

    http_status = 401


class TicketRefused(CheckFailed):
    """An upload ticket does not hold (docs/protocol/storage.md)."""


class NodesDisagree(CheckFailed):
    """Two nodes of one chain say different things about it; until they agree nothing is decided."""

    http_status = 502


class OrderRefused(SealgridError):
    """An order cannot be signed, published or matched; ``check`` names the rule that it breaks."""

    http_status = 403

    def __init__(self, message: str, *, check: str = "", money: str = "") -> None:
        super().__init__(message, money=money)
        self.check = check

    def _details(self) -> dict[str, str]:
        return {"check": self.check} if self.check else {}

    @classmethod
    def _rebuild(cls, body: dict[str, str]) -> Self:
        return cls(body["error"], check=body.get("check", ""))


class OrderMalformed(OrderRefused):
    """An order is not written as PoCo's orders are; ``check`` names what is wrong with it."""

    http_status = 400


class TooManyRequests(SealgridError):
    """A service was asked more often than it answers one client; wait ``seconds``, where it is known how many."""

    http_status = 429

    def __init__(self, message: str, *, seconds: int = 0, money: str = "") -> None:
        super().__init__(message, money=money)
        self.seconds = seconds


class QuotaReached(TooManyRequests):
    """A client stores as much as it may, or has as many uploads open; the message says how to get more."""


class ChainError(SealgridError):
    """The chain did not do what was asked."""

    http_status = 502


class ChainReplaced(ChainError):
    """The chain is not the one that was followed so far: it was wiped, or a node of another chain answers."""


class ContractReverted(ChainError):
    """A contract said no; the message carries its reason."""


class ProofRefused(ContractReverted):
    """The broker refused a proof; ``check`` is its number in ``chain.broker.CHECKS``."""

    def __init__(self, message: str, *, check: int = 0, money: str = "") -> None:
        super().__init__(message, money=money)
        self.check = check

    def _details(self) -> dict[str, str]:
        return {"check": str(self.check)}

    @classmethod
    def _rebuild(cls, body: dict[str, str]) -> Self:
        return cls(body["error"], check=int(body.get("check", "0")))


class NotFound(SealgridError):
    """Nothing is known under that name."""

    http_status = 404


class ServiceUnavailable(SealgridError):
    """A part of the network does not answer; nothing is lost, try again."""

    http_status = 503


class StoreFull(ServiceUnavailable):
    """A storage node has no room for this kind of client; use another node or try later."""

    http_status = 507


class ContentDiffers(SealgridError):
    """What was read is not the content that its digest names; ask another store."""

    http_status = 502


class StillRunning(SealgridError):
    """Somebody stopped waiting for a task; it goes on, and its result opens later."""


class TaskFailed(SealgridError):
    """A task ended without a result."""


class AppFailed(TaskFailed):
    """The app itself failed: its log is the result, settled and paid like one."""


class FileUnopened(AppFailed):
    """A sealed file of a deal does not open with the key that was deposited for it."""

    def __init__(self, message: str, *, digest: str = "", money: str = "") -> None:
        super().__init__(message, money=money)
        self.digest = digest  #: SHA-256 of the sealed file


class HostFailed(TaskFailed):
    """The machine failed or cannot prove that it did not: never settled, never paid."""


class NetworkNotRunning(SealgridError):
    """No local network answers; start one with ``sealgrid up``."""


def from_wire(body: dict[str, str], status: int) -> SealgridError:
    """Rebuild the error that a service sent; one that is unknown or malformed becomes the root type for its status."""
    try:
        return _BY_NAME[body["type"]]._rebuild(body)  # noqa: SLF001  the tree's own
    except (KeyError, ValueError):
        kind = ServiceUnavailable if status >= 500 else NotFound if status == 404 else InputRefused
        return kind(body.get("error", f"the service answered {status}"))
