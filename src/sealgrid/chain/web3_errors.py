"""The one seam where web3's errors become ours."""

from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from web3.exceptions import ContractLogicError, TimeExhausted, Web3Exception, Web3RPCError

from sealgrid.errors import ChainError, ContractReverted, ServiceUnavailable
from sealgrid.poco.refusals import explain

_PREFIX = "execution reverted"


@contextmanager
def wrapped(doing: str) -> Iterator[None]:
    """Raise ContractReverted for a contract's no, ServiceUnavailable for a silent node, ChainError for the rest."""
    try:
        yield
    except ContractLogicError as error:
        reason = reason_of(str(error.message or ""))
        raise ContractReverted(f"{doing}: {explain(reason)}") from error
    except TimeExhausted as error:
        raise ChainError(f"{doing}: the chain did not include the transaction in time.", money="") from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ServiceUnavailable(f"{doing}: the chain's node does not answer; try again.") from error
    except (Web3RPCError, Web3Exception) as error:
        raise ChainError(f"{doing}: the node refused: {error}.") from error


def reason_of(message: str) -> str:
    """Return the text of a revert, without the node's own words; empty when the contract gave none."""
    text = message.removeprefix(_PREFIX).removeprefix(":").strip()
    return "" if text in ("no data", "custom error 0x:", "") else text
