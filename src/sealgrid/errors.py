"""The error tree of Sealgrid.

::

    SealgridError
    ├── InputRefused            an input is invalid; change it
    │   ├── FileTooLarge        a file is larger than a store accepts
    │   ├── TeeRequired         a run without a TEE asks for what only an enclave protects
    │   └── InputMismatch       a run's inputs are not what the app's specification takes
    ├── SetupMissing            a program, file or package is not installed
    ├── CheckFailed             a numbered check failed
    │   ├── ContainerRefused    a sealed file was altered, truncated, or opened with the wrong key
    │   ├── SharesRefused       key shares do not match their signed record
    │   ├── EvidenceRefused     a quote failed its verification
    │   ├── ReleaseRefused      a vault does not release its share
    │   │   └── DealRefused     because of the deal, on every machine
    │   ├── ReceiptRefused      a receipt failed its verification
    │   ├── LogRefused          a vault's log failed its verification
    │   ├── BundleRefused       an app bundle differs from its manifest
    │   │   └── InterpreterMismatch  an app or wheel is built for another Python than the network's
    │   ├── SecretRefused       a secret pushed through iExec's SMS API is invalid
    │   │   ├── SecretNotSigned its owner did not sign it
    │   │   ├── SecretExists    it exists; iExec's secrets are written once
    │   │   └── SecretTooLarge  it is longer than iExec allows
    │   ├── NodesDisagree       two nodes of one chain return different answers
    │   ├── CallRefused         a signed call to a pool or market has a wrong signer or is too old
    │   │   └── SessionEnded    the session of a worker's call does not exist; log in again
    │   └── TicketRefused       an upload ticket is invalid
    ├── OrderRefused            an order cannot be signed, published or matched
    │   └── OrderMalformed      it is not a valid PoCo order
    ├── ApiKeyRefused           an API key is missing or not valid
    ├── TooManyRequests         a client exceeded its rate limit
    │   └── QuotaReached        a client reached its quota of storage or spending
    ├── ChainError              a chain request failed
    │   ├── ChainReplaced       the chain is not the one that was followed before
    │   └── ContractReverted    a contract reverted, with its reason
    │       └── ProofRefused    the broker refused a proof, with the number of the check
    ├── NotFound                nothing has this name
    ├── ServiceUnavailable      a service does not answer; try again
    │   ├── AnswerTooLarge      it answers more bytes than its client accepts
    │   ├── DatabaseUnavailable the database of a service does not answer; try again
    │   ├── LeadershipEnded     another process of this pool is the leader now; this one changes nothing
    │   └── StoreFull           a storage node has no room; use another node or try later
    ├── ContentDiffers          a store returned content with another digest; use another store
    ├── StillRunning            the wait for a task ended; the task continues
    ├── TaskFailed              a task ended without a result
    │   ├── AppFailed           the app itself failed; settled and paid
    │   │   └── FileUnopened    a sealed file does not open with its deposited key
    │   └── HostFailed          the machine failed; not paid
    ├── NetworkNotRunning       no local network runs
    └── ClientForked            a client is used after a fork; open one in each process
"""

from typing import ClassVar, Final, Self

import msgspec

#: Exceptions of msgspec for untrusted input; it lets invalid UTF-8 and deep nesting through.
DECODE_ERRORS: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)

_BY_NAME: dict[str, type["SealgridError"]] = {}


class SealgridError(Exception):
    """Base of all errors: one sentence that says what happened and what to do.

    ``hint`` says what to do where the sentence itself is iExec's, which its clients compare; both form the message.
    ``money`` says where the price of the run is. Only ``sdk/money.py`` writes it, from the state of the task on the
    chain. It is empty if no run is concerned; it never comes from another process.
    """

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 400

    def __init__(self, message: str, *, hint: str = "", money: str = "") -> None:
        self.sentence, self.hint, self.money = message, hint, money
        super().__init__(self.message)

    def __init_subclass__(cls) -> None:
        _BY_NAME[cls.__name__] = cls

    def __str__(self) -> str:
        if not self.money:
            return self.reason
        end = "" if self.reason.endswith((".", "!", "?")) else "."  # iExec's sentences, and those that end in a command
        return f"{self.reason}{end} {self.money}"

    @property
    def message(self) -> str:
        """Return the sentence with its hint."""
        return f"{self.sentence}; {self.hint}" if self.hint else self.sentence

    @property
    def reason(self) -> str:
        """Return the message without ``money``, for other parties."""
        return self.message

    def to_wire(self) -> dict[str, str]:
        """Return the body of an HTTP error; ``error`` is the sentence, as iExec's services spell it."""
        hint = {"hint": self.hint} if self.hint else {}
        return {"error": self.sentence, **hint, "type": type(self).__name__, **self.wire_fields()}

    def wire_fields(self) -> dict[str, str]:
        """Return the further fields of the body of an HTTP error."""
        return {}

    @classmethod
    def from_body(cls, body: dict[str, str]) -> Self:
        """Rebuild the error from the body of an HTTP error; raise KeyError or ValueError if it is malformed."""
        return cls(body["error"])


class InputRefused(SealgridError):
    """An input is invalid; change it and try again."""


class FileTooLarge(InputRefused):
    """A file is larger than a store accepts; use a store with a larger limit."""

    http_status = 413


class TeeRequired(InputRefused):
    """A run without a TEE names a model, a secret or a callback, which only an enclave protects."""


class InputMismatch(InputRefused):
    """A run's inputs are not what the app's specification takes; ``check`` is the number of the check."""

    def __init__(self, check: str, message: str, *, money: str = "") -> None:
        super().__init__(message, money=money)
        self.check = check

    def wire_fields(self) -> dict[str, str]:
        """Return the number of the check."""
        return {"check": self.check}

    @classmethod
    def from_body(cls, body: dict[str, str]) -> Self:
        """Rebuild the error from the body of an HTTP error; raise KeyError or ValueError if it is malformed."""
        return cls(body.get("check", "?"), body["error"])


class SetupMissing(SealgridError):
    """A required program, file or package is not installed."""


class CheckFailed(SealgridError):
    """A numbered check failed; ``check`` is its number in the docstring of the verification."""

    http_status = 403

    def __init__(self, check: str, message: str, *, money: str = "") -> None:
        super().__init__(message, money=money)
        self.check = check

    @property
    def reason(self) -> str:
        """Return the number of the check and the message."""
        return f"({self.check}) {self.message}"

    def wire_fields(self) -> dict[str, str]:
        """Return the number of the check."""
        return {"check": self.check}

    @classmethod
    def from_body(cls, body: dict[str, str]) -> Self:
        """Rebuild the error from the body of an HTTP error; raise KeyError or ValueError if it is malformed."""
        return cls(body.get("check", "?"), body["error"])


class ContainerRefused(CheckFailed):
    """A sealed file was altered, truncated, or opened with the wrong key."""


class SharesRefused(CheckFailed):
    """Key shares do not match their signed record."""


class EvidenceRefused(CheckFailed):
    """A quote failed its verification."""


class ReleaseRefused(CheckFailed):
    """A vault does not release its key share."""


class DealRefused(ReleaseRefused):
    """Vaults release no key for a deal, on any machine; change the order, or buy something else."""


class ReceiptRefused(CheckFailed):
    """A receipt failed its verification."""


class LogRefused(CheckFailed):
    """A vault's log failed its verification, or contradicts itself."""


class BundleRefused(CheckFailed):
    """An app bundle differs from its manifest, or its manifest breaks a rule."""


class InterpreterMismatch(BundleRefused):
    """An app, or a wheel of it, is built for another Python than that of the network."""


class SecretRefused(CheckFailed):
    """A secret pushed through iExec's SMS API is invalid (docs/protocol/iexec-secrets.md)."""

    http_status = 400


class SecretNotSigned(SecretRefused):
    """The secret's owner did not sign it."""

    http_status = 401


class SecretExists(SecretRefused):
    """The secret exists; it can be written once."""

    http_status = 409


class SecretTooLarge(SecretRefused):
    """The secret is longer than iExec allows."""

    http_status = 413


class CallRefused(CheckFailed):
    """A call to a pool or market lacks a current signature of its worker or account."""


class SessionEnded(CallRefused):
    """The session of a worker's call does not exist or has ended; log in again."""

    http_status = 401


class TicketRefused(CheckFailed):
    """An upload ticket is invalid (docs/protocol/storage.md)."""


class NodesDisagree(CheckFailed):
    """Two nodes of one chain return different answers; nothing is decided until they agree."""

    http_status = 502


class OrderRefused(SealgridError):
    """An order cannot be signed, published or matched; ``check`` names the violated rule."""

    http_status = 403

    def __init__(self, message: str, *, check: str = "", hint: str = "", money: str = "") -> None:
        super().__init__(message, hint=hint, money=money)
        self.check = check

    def wire_fields(self) -> dict[str, str]:
        """Return the number of the check."""
        return {"check": self.check} if self.check else {}

    @classmethod
    def from_body(cls, body: dict[str, str]) -> Self:
        """Rebuild the error from the body of an HTTP error; raise KeyError or ValueError if it is malformed."""
        return cls(body["error"], check=body.get("check", ""))


class OrderMalformed(OrderRefused):
    """Not a valid PoCo order; ``check`` names the violated rule."""

    http_status = 400


class ApiKeyRefused(SealgridError):
    """An API key is missing or not valid; ask the operator of the service for one."""

    http_status = 401


class TooManyRequests(SealgridError):
    """A client exceeded its rate limit; wait ``seconds``, if the service sent them."""

    http_status = 429

    def __init__(self, message: str, *, seconds: int = 0, money: str = "") -> None:
        super().__init__(message, money=money)
        self.seconds = seconds


class QuotaReached(TooManyRequests):
    """A client reached its quota of storage, open uploads or spending; the message says how to get more."""


class ChainError(SealgridError):
    """A chain request failed."""

    http_status = 502


class ChainReplaced(ChainError):
    """The chain is not the one that was followed before: it was wiped, or the node serves another chain."""


class ContractReverted(ChainError):
    """A contract reverted; the message has its reason."""


class ProofRefused(ContractReverted):
    """The broker refused a proof; ``check`` is its number in ``chain.broker.CHECKS``."""

    def __init__(self, message: str, *, check: int = 0, money: str = "") -> None:
        super().__init__(message, money=money)
        self.check = check

    def wire_fields(self) -> dict[str, str]:
        """Return the number of the check."""
        return {"check": str(self.check)}

    @classmethod
    def from_body(cls, body: dict[str, str]) -> Self:
        """Rebuild the error from the body of an HTTP error; raise KeyError or ValueError if it is malformed."""
        return cls(body["error"], check=int(body.get("check", "0")))


class NotFound(SealgridError):
    """Nothing has this name."""

    http_status = 404


class ServiceUnavailable(SealgridError):
    """A service does not answer; nothing is lost, try again."""

    http_status = 503


class AnswerTooLarge(ServiceUnavailable):
    """A service answers more bytes than its client accepts."""


class DatabaseUnavailable(ServiceUnavailable):
    """The database of a service does not answer; nothing was changed, try again in a few seconds."""


class LeadershipEnded(ServiceUnavailable):
    """Another process of this pool does its work on the chain now."""


class StoreFull(ServiceUnavailable):
    """A storage node has no room for this kind of client; use another node or try later."""

    http_status = 507


class ContentDiffers(SealgridError):
    """A store returned content with another digest; use another store."""

    http_status = 502


class StillRunning(SealgridError):
    """The wait for a task ended; the task continues, and its result can be opened later."""


class TaskFailed(SealgridError):
    """A task ended without a result."""


class AppFailed(TaskFailed):
    """The app itself failed: its log is the result, settled and paid like one.

    ``task`` is the id of the task, ``log`` what the app wrote to standard output and error, and ``exit`` its exit
    code: -1 if it failed before it could end, None where no result was opened.
    """

    def __init__(
        self,
        message: str,
        *,
        task: str = "",
        log: str = "",
        exit: int | None = None,  # noqa: A002  named as in the result's status
        money: str = "",
    ) -> None:
        super().__init__(message, money=money)
        self.task, self.log, self.exit = task, log, exit


class FileUnopened(AppFailed):
    """A sealed file of a deal does not open with its deposited key."""

    def __init__(self, message: str, *, digest: str = "", money: str = "") -> None:
        super().__init__(message, money=money)
        self.digest = digest  #: SHA-256 of the sealed file


class HostFailed(TaskFailed):
    """The machine failed, or cannot prove that it did not: neither settled nor paid."""


class NetworkNotRunning(SealgridError):
    """No local network is running; start one (``sealgrid up``)."""


class ClientForked(SealgridError):
    """A client is used in a process that was forked from the one that opened it."""

    def __init__(
        self,
        message: str = "this client was opened before a fork; open one in this process with sealgrid.connect.",
        *,
        money: str = "",
    ) -> None:
        super().__init__(message, money=money)


def from_wire(body: dict[str, str], status: int) -> SealgridError:
    """Rebuild the error that a service sent. An unknown or malformed one becomes a general type for its status.

    So does AppFailed: only an enclave's result proves how an app ended, and no service may state it.
    """
    try:
        error = _BY_NAME[body["type"]].from_body(body)
    except (KeyError, ValueError):
        error = None
    if error is None or isinstance(error, AppFailed):
        kind = ServiceUnavailable if status >= 500 else NotFound if status == 404 else InputRefused
        return kind(body.get("error", f"the service returned HTTP status {status}"))
    error.hint = body.get("hint", "")
    return error
