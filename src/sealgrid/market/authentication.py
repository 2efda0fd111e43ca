"""Challenge-response authentication (EIP-712, ERC-1271) for publishing and withdrawing orders."""

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
    """Issues one-time challenges and verifies signed tokens.

    ``clock`` returns Unix seconds; ``random`` returns 32 hex digits.
    """

    def __init__(
        self,
        chain: MarketChainFollower,
        writer: BatchWriter,
        chain_id: int,
        *,
        clock: Callable[[], float] = time.time,
        random: Callable[[], str] = lambda: secrets.token_hex(16),
    ) -> None:
        self._chain, self._writer, self._chain_id = chain, writer, chain_id
        self._clock, self._random = clock, random

    async def issue(self, address: Address) -> dict[str, Any]:
        """Return EIP-712 typed data that ``address`` must sign within five minutes."""
        sentence = SENTENCE + self._random()
        digest = challenge_digest(self._chain_id, sentence)
        await self._writer.submit(StoreChallenge(digest, address, int(self._clock())))
        return typed_data(self._chain_id, sentence)

    async def verify(self, token: Token) -> None:
        """Consume a token; raise CallRefused unless both checks hold.

        (1) The address signed the token's digest (EOA signature, or ERC-1271 for contracts).
        (2) The digest belongs to a challenge issued to this address less than five minutes ago, unused on every
        replica.
        Check (1) comes first: otherwise a third party could consume another address's challenge.
        """
        # (1) signature
        if not await self._chain.is_signed_by(token.address, token.digest, token.signature):
            raise refused()
        # (2) fresh and unused
        if not await self._writer.submit(ConsumeChallenge(token.digest, token.address, int(self._clock()))):
            raise refused()
