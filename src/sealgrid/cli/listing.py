"""An app or a model on the terminal."""

from sealgrid.cli.session import answers
from sealgrid.sdk.face.listings import Listing


def show_listing(listing: Listing, *, sealed: str) -> None:
    """Print it, one fact a line."""
    for what, value in (
        ("address", listing.address),
        ("name", listing.name),
        ("owner", listing.owner),
        (sealed, listing.digest),
        ("location", listing.location),
    ):
        answers.print(f"{what:<12} {value}", markup=False)
    for offer in listing.offers:
        only = f", for the app {offer.app} only" if offer.app else ""
        answers.print(f"{'offer':<12} {offer.price} for each of {offer.uses} uses{only}", markup=False)
    if not listing.offers:
        answers.print(f"{'offer':<12} none")
