"""The lines that ``sealgrid run --quote`` prints."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sealgrid.cli.output import credit_note

if TYPE_CHECKING:
    from sealgrid.sdk.network import Network
    from sealgrid.sdk.operations.quote import RunQuote


def quote_lines(quote: "RunQuote", network: "Network") -> Iterator[str]:
    """Yield the price with its parts, the payer's money, the expected time, and the owner's conditions."""
    pool = next((each.name for each in network.pools if each.address == quote.pool), quote.pool)
    mark = f", {quote.release}" if quote.release else ""
    yield f"{'app':<10} {quote.app_price or 'free'}{mark}"
    if quote.model_price is not None:
        yield f"{'model':<10} {quote.model_price or 'free'}"
    yield f"{'computing':<10} {quote.computing_price or 'free'}, at pool {pool}"
    if quote.tasks > 1:
        yield f"{'tasks':<10} {quote.tasks}, each at these prices"
    yield f"{'total':<10} {quote.total}{credit_note(network)}"
    yield f"{'escrow':<10} {quote.escrow} free"
    yield f"{'wallet':<10} {quote.wallet}"
    if quote.missing:
        yield f'{"missing":<10} {quote.missing}; deposit it with: sealgrid account deposit "{quote.missing}"'
    yield f"{'time':<10} {quote.duration}"
    if quote.quorum:
        yield f"{'vaults':<10} {quote.quorum} of {quote.vaults} must release the keys; they would now"
    else:
        yield f"{'trust':<10} {quote.trust}, without a TEE: input and result are public"
    for condition in quote.conditions:
        yield f"{'condition':<10} on the machine, checked after the purchase: {condition}"
    yield "nothing was bought"
