"""Messages and client of the faucet of a test network, which gives accounts test money."""

from sealgrid.units import Address
from sealgrid.wire.message import Message, Transport, call


class FundingRequest(Message, frozen=True, kw_only=True):
    """Request for test credits; the faucet adds ether for transactions by itself."""

    account: Address
    amount: int  #: nRLC


class FundingReply(Message, frozen=True, kw_only=True):
    """What the faucet sent."""

    amount: int  #: nRLC, to the account's wallet
    wei: int  #: ether for transactions; 0 if the account had enough


class FaucetClient:
    """Client of the faucet."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def fund(self, account: Address, amount: int) -> FundingReply:
        """Request ``amount`` nRLC for an account; raise TooManyRequests above a limit."""
        return await call(
            self._transport, "POST", "/funds", FundingRequest(account=account, amount=amount), FundingReply
        )
