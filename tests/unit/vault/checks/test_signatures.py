"""Untrusted statements: one spelling of each address and digest."""

import pytest

from sealgrid.attestation.statements import Withdrawal
from sealgrid.errors import InputRefused
from sealgrid.vault.checks.signatures import check_canonical, checked_digest
from tests.unit.vault.vault_scene import DATASET, DOMAIN, OWNER

ADDRESS, DIGEST = "0x" + "ab" * 20, "0x" + "cd" * 32


@pytest.mark.parametrize("text", [ADDRESS.upper(), "0x" + "AB" * 20, ADDRESS[2:], "0x12", "", DIGEST])
def test_another_spelling_of_an_address_is_refused(text: str) -> None:
    check_canonical(addresses=(ADDRESS,), digests=(DIGEST,))
    with pytest.raises(InputRefused, match="lower-case hex"):
        check_canonical(addresses=(ADDRESS, text))


@pytest.mark.parametrize("text", ["0x" + "CD" * 32, DIGEST[2:], ADDRESS])
def test_another_spelling_of_a_digest_is_refused(text: str) -> None:
    with pytest.raises(InputRefused, match="lower-case hex"):
        check_canonical(digests=(text,))


def test_a_field_that_does_not_fit_its_type_has_no_digest() -> None:
    with pytest.raises(InputRefused, match="Withdrawal"):
        checked_digest(Withdrawal(asset=DATASET, owner=OWNER.address, version=1 << 64), DOMAIN)
