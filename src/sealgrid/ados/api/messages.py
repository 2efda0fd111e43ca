"""Messages of the API, as ADOS names them: ``source`` is a transaction's id, ``task_id`` the task on the chain."""

from typing import Annotated, Any, Final, Literal

import msgspec

#: ADOS's states. COMPLETE: the chain paid, the answer is not here yet. FAILED is ours: no answer will come.
TransactionStatus = Literal["INITIATING", "UNSET", "ACTIVE", "REVEALING", "COMPLETE", "DELIVERED", "FAILED"]
UNASSIGNED: Final = "unassigned"  #: the task of a transaction that bought none yet
MAX_REFERENCE: Final = 8 << 20  #: characters of a reference; the limit of the body is less by default


class ScoreRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of ``POST /``."""

    data: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_REFERENCE, description="URL of the readings")]
    model: Annotated[str, msgspec.Meta(min_length=1, max_length=256, description="name or address on /marketplace")]
    window: Annotated[int, msgspec.Meta(ge=1, le=100_000, description="rows of a window")] | None = None
    max_price: Annotated[str, msgspec.Meta(max_length=40, description="highest price, as 0.5 RLC")] | None = None


class TransactionReply(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to ``POST /`` and ``GET /transactions/<id>``."""

    source: str
    task_id: str
    status: TransactionStatus
    price: str = ""  #: with a task
    data: dict[str, Any] | None = None  #: the result, DELIVERED
    error: str = ""  #: FAILED


class TransactionSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of ``GET /transactions``."""

    transaction_id: str
    task_id: str
    last_update: str  #: ISO 8601, UTC


class ApiErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """The body of an error."""

    error: str  #: one sentence: what happened and what to do
    type: str = ""
