"""Authentication of requesters who read the logs and exact stages of their tasks (iExec scheduler's challenge)."""

import hmac
from collections.abc import Callable
from typing import Any, Final

from sealgrid.crypto.signing import recover
from sealgrid.errors import CallRefused
from sealgrid.units import Address, Digest, to_bytes
from sealgrid.wire.challenge import CORE, Token, challenge_digest, refused, typed_data

PERIOD_SECONDS: Final = 3600  #: a challenge is valid in the period of its issue and in the next one


class RequesterAuthenticator:
    """Issues challenges that are valid for one to two hours; ``clock`` returns Unix seconds.

    A challenge is a MAC over its address and period. The pool stores none of them, so no client can take the room of
    another's. The MAC's key comes from the pool's ``secret`` key: each replica verifies what another one issued.
    """

    def __init__(self, chain: int, clock: Callable[[], float], secret: bytes) -> None:
        self._chain, self._clock = chain, clock
        self._key = hmac.digest(secret, b"sealgrid: challenges of requesters", "sha256")

    def issue(self, address: Address) -> dict[str, Any]:
        """Return typed data that this address must sign."""
        return typed_data(self._chain, self._sentence(address, self._period()), CORE)

    def verify(self, token: Token, requester: Address) -> None:
        """Raise CallRefused unless

        (1) the challenge was issued to the token's address in this period or the last one, (2) that address signed it,
        and (3) it is the task's requester.
        """
        latest = self._period()
        if token.digest not in {self._digest(token.address, period) for period in (latest - 1, latest)}:  # (1)
            raise refused()
        try:
            signer = recover(to_bytes(token.digest, 32), token.signature)
        except ValueError as error:
            raise refused() from error
        if signer != token.address:  # (2)
            raise refused()
        if token.address != requester:  # (3)
            raise CallRefused("requester", "only the task's requester may read its logs and exact stages.")

    def _period(self) -> int:
        return int(self._clock()) // PERIOD_SECONDS

    def _digest(self, address: Address, period: int) -> Digest:
        return challenge_digest(self._chain, self._sentence(address, period), CORE)

    def _sentence(self, address: Address, period: int) -> str:
        return hmac.digest(self._key, f"{address} {period}".encode(), "sha256").hex()
