"""Lets nobody write for an address who does not prove that it is theirs."""

import secrets
import time
from collections.abc import Callable
from typing import Any

from sealgrid.market.chain.follower import MarketChainFollower
from sealgrid.market.store import ConsumeChallenge, StoreChallenge
from sealgrid.market.writer import BatchWriter
from sealgrid.units import Address
from sealgrid.wire.challenge import SENTENCE, Token, challenge_digest, refused, typed_data


class ChallengeAuthenticator:
    """Hands out challenges and takes each signed one once; ``clock`` is Unix seconds, ``random`` 32 hex digits."""

    def __init__(
        self,
        chain: MarketChainFollower,
        clerk: BatchWriter,
        chain_id: int,
        *,
        clock: Callable[[], float] = time.time,
        random: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._chain, self._clerk, self._id = chain, clerk, chain_id
        self._clock, self._random = clock, random

    async def challenge(self, address: Address) -> dict[str, Any]:
        """Return typed data that this address must sign within five minutes."""
        sentence = SENTENCE + self._random()
        await self._clerk.do(StoreChallenge(challenge_digest(self._id, sentence), address, int(self._clock())))
        return typed_data(self._id, sentence)

    async def admit(self, token: Token) -> None:
        """Take a token, once; raise CallRefused unless

        (1) its address signed its digest, by key or as a contract, and (2) the digest is of a challenge that was
        handed out to this address less than five minutes ago and was not answered yet, on any replica.
        """
        # (1) signature; before (2), so that nobody spends another's challenge
        if not await self._chain.signed(token.address, token.digest, token.signature):
            raise refused()
        # (2) fresh
        if not await self._clerk.do(ConsumeChallenge(token.digest, token.address, int(self._clock()))):
            raise refused()
