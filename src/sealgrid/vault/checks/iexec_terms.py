"""Checks of deals in iExec's format: datasets whose key was pushed through iExec's API, and unsealed results. Pure.

iExec's secret management service releases a dataset's key to every matched deal. Here the dataset order that PoCo
accepted takes the place of a policy; a vault identifies it by the hash in the hub's OrdersMatched event.
"""

from dataclasses import dataclass

from sealgrid.attestation.job_params import JobParams
from sealgrid.chain.views import DealView
from sealgrid.crypto.digests import keccak256
from sealgrid.crypto.iexec_challenge import named_secret_digest
from sealgrid.crypto.iexec_result_key import RESULT_KEY_NAME, parse_rsa_key
from sealgrid.crypto.signing import find_signer
from sealgrid.errors import DealRefused, InputRefused, ReleaseRefused
from sealgrid.poco.orders import DatasetOrder
from sealgrid.poco.typed_data import OrderDomain, order_hash
from sealgrid.units import ZERO_ADDRESS, Address, Digest, to_digest
from sealgrid.wire.iexec_sms import RegisteredResultKey


@dataclass(frozen=True, slots=True)
class MatchedSale:
    """The dataset order that was sent for a deal, with the hash of the order that the deal was matched from."""

    order: DatasetOrder
    hash: Digest  #: of that order, in the hub's domain
    matched: Digest | None  #: from the hub's event; None without an event


def make_sale(order: DatasetOrder, domain: OrderDomain, matched: Digest | None) -> MatchedSale:
    """Return a sale with the order's hash on this hub."""
    return MatchedSale(order, order_hash(order, domain), matched)


def check_sale(sale: MatchedSale | None, deal: DealView, owner: Address) -> None:
    """Raise ReleaseRefused unless the owner of a key that was pushed through iExec's API sold this use.

    (7.11) The order sent is the one that the deal was matched from: its hash is in the hub's event about this deal.
    (7.12) It is about the deal's dataset, and ``apprestrict`` names exactly the deal's app. An order open to any app,
           or to a group of apps, would let a requester extract the plaintext with its own app.
    (7.20) The seller still owns the dataset: a former owner's order does not bind the owner who pushed the key.
    (7.3) The deal has no callback, which would publish the result.

    ``owner`` is the dataset's owner at the snapshot's block, who pushed the stored key.
    """
    if sale is None or sale.hash != sale.matched:  # (7.11)
        raise ReleaseRefused("7.11", "the dataset order that this deal was matched from was not sent.")
    if sale.order.dataset != deal.dataset.pointer or sale.order.apprestrict != deal.app.pointer:  # (7.12)
        raise DealRefused(
            "7.12", "the dataset was sold by an order that does not name this app; sell it with apprestrict set."
        )
    if deal.dataset.owner != owner:  # (7.20)
        raise ReleaseRefused("7.20", "the dataset has changed owner since this deal; buy from the current owner.")
    if deal.callback != ZERO_ADDRESS:  # (7.3)
        raise DealRefused("7.3", "a dataset whose key was pushed through iExec's API must be used without a callback.")


def check_iexec_params(params: JobParams) -> None:
    """Raise DealRefused (7.13) if a deal in iExec's format requests a storage that enclaves do not support."""
    if params.iexec_result_storage_provider != "ipfs":
        raise DealRefused("7.13", "results are stored on IPFS only; set iexec_result_storage_provider to ipfs.")


def check_result_key(registered: RegisteredResultKey | None, deal: DealView) -> Digest:
    """Return the hash of the RSA key that the result is encrypted for.

    Raises ReleaseRefused (7.15) unless the key was sent, the deal's beneficiary signed it as iExec's SDK does, and it
    is an RSA key of at least 2048 bits.
    """
    if registered is None or registered.owner != deal.beneficiary:
        raise ReleaseRefused(
            "7.15", "the beneficiary's key for results was not sent; register one through iExec's API."
        )
    value = to_digest(keccak256(registered.value.encode()))
    if (
        find_signer(named_secret_digest(registered.owner, RESULT_KEY_NAME, value), registered.signature)
        != deal.beneficiary
    ):
        raise ReleaseRefused("7.15", "the beneficiary did not sign the key for results that was sent.")
    try:
        parse_rsa_key(registered.value.encode())
    except InputRefused as error:
        raise ReleaseRefused("7.15", error.message) from error
    return value
