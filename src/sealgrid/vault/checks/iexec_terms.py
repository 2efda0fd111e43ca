"""What a deal of iExec's own kind may have: its dataset's key by the matched order, a result sealed to nobody.

iExec's secret service gives a dataset's key to every matched deal. Here the owner's word about who may use it is the
dataset order that PoCo accepted; a vault knows it by the hash in the hub's OrdersMatched.
"""

from dataclasses import dataclass

from sealgrid.attestation.job_params import JobParams
from sealgrid.chain.views import DealView
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.iexec_challenge import named_secret_digest
from sealgrid.crypto.iexec_result_key import RESULT_KEY_NAME, parse_rsa_key
from sealgrid.errors import DealRefused, InputRefused, ReleaseRefused
from sealgrid.poco.orders import DatasetOrder
from sealgrid.poco.typed_data import OrderDomain, order_hash
from sealgrid.units import ZERO_ADDRESS, Address, Digest, to_digest
from sealgrid.vault.checks.signatures import recovered
from sealgrid.wire.iexec_sms import RegisteredResultKey


@dataclass(frozen=True, slots=True)
class MatchedSale:
    """The dataset order that somebody showed for a deal, and what the hub says about it."""

    order: DatasetOrder
    hash: Digest  #: of that order, in our hub's domain
    matched: Digest | None  #: of the order that the deal was matched from, by the hub's event; None for no event


def sale_of(order: DatasetOrder, domain: OrderDomain, matched: Digest | None) -> MatchedSale:
    """Return a shown order with its hash on this hub."""
    return MatchedSale(order, order_hash(order, domain), matched)


def check_sale(sale: MatchedSale | None, deal: DealView, owner: Address) -> None:
    """Raise ReleaseRefused unless the owner of a key that came by iExec's route sold this very use.

    (7.11) The dataset order that the deal was matched from is shown: its hash is in the hub's event about this deal.
    (7.12) It is about the deal's dataset, and ``apprestrict`` names exactly the deal's app. An order open to any app,
           or to a group of apps, lets anybody take the plaintext out with an app of their own.
    (7.20) Who sold it then owns the dataset now: a former owner's order is not the word of whoever pushed the key.
    (7.3) The deal has no callback: nobody allowed that results are published.

    ``owner`` is whose the dataset is at the snapshot's block, under whom the key was found.
    """
    if sale is None or sale.hash != sale.matched:  # (7.11)
        raise ReleaseRefused("7.11", "the dataset order that this deal was matched from was not shown.")
    if sale.order.dataset != deal.dataset.pointer or sale.order.apprestrict != deal.app.pointer:  # (7.12)
        raise DealRefused(
            "7.12", "the dataset was sold by an order that does not name this app; sell it with apprestrict set."
        )
    if deal.dataset.owner != owner:  # (7.20)
        raise ReleaseRefused("7.20", "the dataset was sold to another owner since this deal; buy from that one.")
    if deal.callback != ZERO_ADDRESS:  # (7.3)
        raise DealRefused("7.3", "a key that came by iExec's route goes to no deal with a callback.")


def check_iexec_params(params: JobParams) -> None:
    """Raise DealRefused (7.13) where a deal of iExec's own kind asks for what no enclave here does."""
    if params.iexec_result_storage_provider != "ipfs":
        raise DealRefused("7.13", "results are stored on IPFS alone; set iexec_result_storage_provider to ipfs.")


def check_result_key(shown: RegisteredResultKey | None, deal: DealView) -> Digest:
    """Return the hash of the RSA key that a result is to be encrypted for; raise ReleaseRefused (7.15) unless

    the key was shown, the deal's beneficiary signed it as iExec's SDK does, and it is an RSA key of 2048 bits or more.
    """
    if shown is None or shown.owner != deal.beneficiary:
        raise ReleaseRefused("7.15", "the beneficiary's key for results was not shown; register one by iExec's route.")
    value = to_digest(keccak256(shown.value.encode()))
    if recovered(named_secret_digest(shown.owner, RESULT_KEY_NAME, value), shown.signature) != deal.beneficiary:
        raise ReleaseRefused("7.15", "the beneficiary did not sign the key for results that was shown.")
    try:
        parse_rsa_key(shown.value.encode())
    except InputRefused as error:
        raise ReleaseRefused("7.15", error.message) from error
    return value
