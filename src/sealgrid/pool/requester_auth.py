"""Authentication of requesters who read the logs and exact stages of their tasks (iExec scheduler's challenge)."""

import secrets
from collections.abc import Callable
from typing import Any, Final

from sealgrid.crypto.signing import recover
from sealgrid.errors import CallRefused
from sealgrid.units import Address, Digest, to_bytes
from sealgrid.wire.challenge import CORE, Token, challenge_digest, refused, typed_data

VALID_SECONDS: Final = 3600.0
MAX_CHALLENGES: Final = 10_000  #: at one time; the oldest is dropped first


class RequesterAuthenticator:
    """Issues challenges that are valid for an hour; ``clock`` returns Unix seconds, ``random`` an unguessable text."""

    def __init__(
        self, chain: int, clock: Callable[[], float], random: Callable[[], str] = lambda: secrets.token_urlsafe(32)
    ) -> None:
        self._chain, self._clock, self._random = chain, clock, random
        self._issued: dict[Digest, tuple[Address, float]] = {}

    def issue(self, address: Address) -> dict[str, Any]:
        """Return typed data that this address must sign."""
        sentence = self._random()
        if len(self._issued) >= MAX_CHALLENGES:
            del self._issued[next(iter(self._issued))]
        digest = challenge_digest(self._chain, sentence, CORE)
        self._issued[digest] = (address, self._clock() + VALID_SECONDS)
        return typed_data(self._chain, sentence, CORE)

    def verify(self, token: Token, requester: Address) -> None:
        """Raise CallRefused unless

        (1) the challenge was issued to the token's address in the last hour, (2) that address signed it, and
        (3) it is the task's requester.
        """
        address, until = self._issued.get(token.digest, (None, 0.0))
        if address != token.address or self._clock() > until:  # (1)
            raise refused()
        try:
            signer = recover(to_bytes(token.digest, 32), token.signature)
        except ValueError as error:
            raise refused() from error
        if signer != token.address:  # (2)
            raise refused()
        if token.address != requester:  # (3)
            raise CallRefused("requester", "only the task's requester may read its logs and exact stages.")
