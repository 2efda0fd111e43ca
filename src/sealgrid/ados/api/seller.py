"""Buys scores from a network with the public SDK."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from sealgrid.ados.api.messages import ScoreRequest, TransactionStatus
from sealgrid.ados.api.service import BoughtScore, ScoreQuote
from sealgrid.ados.api.store import TransactionRecord
from sealgrid.errors import InputMismatch, InputRefused, NotFound, OrderRefused, SealgridError, ServiceUnavailable
from sealgrid.sdk.amounts import Amount
from sealgrid.sdk.client import AsyncClient

_log = logging.getLogger("sealgrid")
_FILE = "readings"
#: the pool's stages in which the enclave has computed: ADOS's "data processed, now finishing transaction"
_FINISHING = frozenset({"sealed", "settled", "finalizing"})


class NetworkSeller:
    """One account that buys runs of one app."""

    def __init__(self, client: AsyncClient, app: str, pool: str | None = None) -> None:
        self._client, self._app, self._pool = client, app, pool

    async def quote(self, request: ScoreRequest, readings: bytes, arguments: tuple[str, ...]) -> ScoreQuote:
        """Return the price of a run; raise as ``Client.quote`` does, and ServiceUnavailable without enough escrow."""
        quoted = await self._client.quote(
            self._app,
            request.model,
            [(_FILE, readings)],
            arguments,
            request.max_price,
            pool=self._pool,
        )
        if quoted.missing:
            raise ServiceUnavailable("the operator of this API has too little money in escrow; try again later.")
        assert quoted.model is not None
        return ScoreQuote(quoted.app, quoted.model, quoted.total)

    async def buy(self, record: TransactionRecord, readings: bytes) -> BoughtScore:
        """Buy the run of a transaction by its id; repeated after a crash, it buys nothing again."""
        with _as_operators_fault(InputRefused):
            bag = await self._client.map(
                record.app,
                [[(_FILE, readings)]],
                record.model,
                args=record.arguments,
                max_price=Amount(record.price),
                pool=self._pool,
                key=f"ados-serve:{record.id}",
            )
        if not bag.runs:
            raise OrderRefused("other buyers took the offer; try again.")
        return BoughtScore(bag.id, bag.runs[0].task, int(bag.price))

    async def answer(self, record: TransactionRecord) -> bytes:
        """Wait for the run and return its ``result.json``; raise as ``Run.result`` does."""
        with _as_operators_fault(InputRefused, NotFound):
            result = await self._client.reopen(record.task).result()
        return result.files["result.json"]

    async def status(self, record: TransactionRecord) -> TransactionStatus:
        """Return the status of a bought run, from the chain and the pool."""
        with _as_operators_fault(InputRefused, NotFound):
            status = await self._client.reopen(record.task).status()
        return ados_status(status.state, status.stages[-1].stage if status.stages else "")

    async def cost(self, record: TransactionRecord) -> int:
        """Return what a run without an answer costs: nothing once it is refunded."""
        with _as_operators_fault(InputRefused, NotFound):
            state = (await self._client.reopen(record.task).status()).state
        return 0 if state in {"refunded", "refundable"} else record.price


@contextmanager
def _as_operators_fault(*kinds: type[SealgridError]) -> Iterator[None]:
    """Raise as temporary, without its path, what the SDK says about this account's files and money by these errors.

    The request itself was checked when it was accepted. The operator finds the reason in the log.
    """
    try:
        yield
    except InputMismatch:
        raise
    except kinds as error:
        _log.error("a transaction cannot continue: %s", error)
        raise ServiceUnavailable("this API cannot use its records of this run now; ask its operator.") from error


def ados_status(state: str, stage: str) -> TransactionStatus:
    """Return ADOS's name of a run's state; ``stage`` is the pool's newest."""
    match state:
        case "waiting" | "unknown":
            return "UNSET"
        case "running":
            return "REVEALING" if stage in _FINISHING else "ACTIVE"
        case "refundable" | "refunded":
            return "FAILED"
        case _:
            return "COMPLETE"
