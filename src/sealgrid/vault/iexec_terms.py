"""What a deal of iExec's own kind may have: its dataset's key by the matched order, a result sealed to nobody.

iExec's secret service gives a dataset's key to every matched deal. Here the owner's word about who may use it is the
dataset order that PoCo accepted; a vault knows it by the hash in the hub's OrdersMatched.
"""

from dataclasses import dataclass

from sealgrid.attestation.params import JobParams
from sealgrid.chain.views import DealView
from sealgrid.errors import ReleaseRefused
from sealgrid.poco.orders import DatasetOrder
from sealgrid.poco.typed_data import OrderDomain, order_hash
from sealgrid.units import ZERO_ADDRESS, Digest


@dataclass(frozen=True, slots=True)
class Sale:
    """The dataset order that somebody showed for a deal, and what the hub says about it."""

    order: DatasetOrder
    hash: Digest  #: of that order, in our hub's domain
    matched: Digest | None  #: of the order that the deal was matched from, by the hub's event; None for no event


def sale_of(order: DatasetOrder, domain: OrderDomain, matched: Digest | None) -> Sale:
    """Return a shown order with its hash on this hub."""
    return Sale(order, order_hash(order, domain), matched)


def check_sale(sale: Sale | None, deal: DealView) -> None:
    """Raise ReleaseRefused unless the owner of a key that came by iExec's route sold this very use.

    (7.11) The dataset order that the deal was matched from is shown: its hash is in the hub's event about this deal.
    (7.12) It is about the deal's dataset, and ``apprestrict`` names exactly the deal's app. An order open to any app,
           or to a group of apps, lets anybody take the plaintext out with an app of their own.
    (7.3) The deal has no callback: nobody allowed that results are published.
    """
    if sale is None or sale.hash != sale.matched:  # (7.11)
        raise ReleaseRefused("7.11", "the dataset order that this deal was matched from was not shown.")
    if sale.order.dataset != deal.dataset.pointer or sale.order.apprestrict != deal.app.pointer:  # (7.12)
        raise ReleaseRefused(
            "7.12", "the dataset was sold by an order that does not name this app; sell it with apprestrict set."
        )
    if deal.callback != ZERO_ADDRESS:  # (7.3)
        raise ReleaseRefused("7.3", "a key that came by iExec's route goes to no deal with a callback.")


def check_iexec_params(params: JobParams) -> None:
    """Raise ReleaseRefused (7.13) where a deal of iExec's own kind asks for what no enclave here does."""
    if params.iexec_result_storage_provider != "ipfs":
        raise ReleaseRefused("7.13", "results are stored on IPFS alone; set iexec_result_storage_provider to ipfs.")
    if params.iexec_result_encryption:
        raise ReleaseRefused("7.13", "a result encrypted for an RSA key is not made here; use Sealgrid's result key.")
    if params.iexec_secrets:
        raise ReleaseRefused("7.13", "requester secrets travel in Sealgrid's sealed input; leave iexec_secrets out.")
