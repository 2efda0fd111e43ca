"""What too few answers of the vaults mean."""

from collections.abc import Sequence

from sealgrid.errors import ServiceUnavailable


def require(replies: Sequence[object], needed: int) -> None:
    """Raise unless ``needed`` vaults did what they were asked: what one of them refused, else that too few answer."""
    failed = [reply for reply in replies if isinstance(reply, BaseException)]
    if len(replies) - len(failed) >= needed:
        return
    silent = [reply for reply in failed if isinstance(reply, ServiceUnavailable)]
    for refusal in failed:
        if not isinstance(refusal, ServiceUnavailable):
            raise refusal
    raise ServiceUnavailable(
        f"{len(silent)} of {len(replies)} vaults do not answer, and {needed} are needed: {silent[0].message} "
        "Try again when they do."
    )
