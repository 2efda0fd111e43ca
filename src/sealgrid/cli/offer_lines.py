"""Formats apps and models as lines for the terminal."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sealgrid.cli.run_tables import run_summary

if TYPE_CHECKING:
    from sealgrid.bundle.model_signature import ModelSignature
    from sealgrid.sdk.resources.offers import Listing, Offer


def offer_lines(offers: "Iterable[Offer]", unit: str) -> Iterator[str]:
    """Yield a line for each offer; ``unit`` is what is sold: runs or uses. Its latest runs, if read, are below it."""
    for offer in offers:
        mark = f"  {offer.release}" if offer.release else ""
        mark += "" if offer.tee else "  without a TEE: public"
        yield f"{offer.address}  {offer.price!s:>12}  {offer.uses:>7} {unit}  {offer.name!r}{mark}"
        if offer.runs is not None:
            yield f"{'':<44}{run_summary(offer.runs)}"


def listing_lines(listing: "Listing", *, sealed: str) -> Iterator[str]:
    """Yield one field a line; ``sealed`` names the content of the digest."""
    newer = listing.newer and f"{listing.newer.name!r} at {listing.newer.price}, {listing.newer.address}"
    for field, value in (
        ("address", listing.address),
        ("name", listing.name),
        ("owner", listing.owner),
        (sealed, listing.digest),
        ("location", listing.location),
        ("release", listing.release),
        ("newer", newer),
    ):
        if value is not None:
            yield f"{field:<12} {value}"
    for offer in listing.offers:
        only = f", for the app {offer.app} only" if offer.app else ""
        signed = ", signed on the chain" if offer.presigned else ""
        signed += "" if offer.tee else ", without a TEE: input and result are public"
        yield f"{'offer':<12} {offer.price} for each of {offer.uses} uses{only}{signed}"
    if not listing.offers:
        yield f"{'offer':<12} none"
    if listing.signature is not None:
        yield from signature_lines(listing.signature)
    if listing.iexec_compatible:
        yield f"{'policy':<12} none, iExec-compatible: used through the one app that a matched order names"
    if listing.unopened:
        yield f"{'WARNING':<12} did not open for a buyer (task {listing.unopened}); the vaults refuse it (7.22)"
    if listing.opened:
        yield f"{'opened':<12} by an enclave, with its present key (task {listing.opened})"
    for version in listing.versions:
        where = f"stored by {version.vaults} vaults" if version.vaults else "its shares are destroyed"
        since = datetime.fromtimestamp(version.since, UTC).strftime("%Y-%m-%d %H:%M UTC")
        yield f"{'key':<12} version {version.number}, since {since}, {where}"


def changelog_lines(changelog: str) -> Iterator[str]:
    """Yield the lines of an app's changelog, its developer's words; none without one."""
    for number, line in enumerate(changelog.splitlines()):
        yield f"{'' if number else 'changelog':<12} {line}".rstrip()


def signature_lines(signature: "ModelSignature") -> Iterator[str]:
    """Yield one line for each input and output of a model, as its owner states them."""
    for field, specs in (("input", signature.inputs), ("output", signature.outputs)):
        for spec in specs:
            classes = f", classes {', '.join(map(str, spec.classes[:10]))}" if spec.classes else ""
            more = f" … ({len(spec.classes)})" if len(spec.classes) > 10 else ""
            yield f"{field:<12} {spec.name!r}: {spec.dtype} {spec.shape_text}{classes}{more}"
