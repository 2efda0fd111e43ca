"""An invitation travels as one word."""

import pytest

from sealgrid.attestation.statements import WorkerInvitation
from sealgrid.errors import InputRefused
from sealgrid.units import to_address, to_digest
from sealgrid.wire.admission import SignedInvitation

INVITATION = SignedInvitation(
    invitation=WorkerInvitation(pool=to_address(b"\x01" * 20), nonce=to_digest(b"\x02" * 32), expiry=5),
    signature=b"\x03" * 65,
)


def test_the_word_of_an_invitation_is_read_back_with_space_around_it():
    word = INVITATION.text()
    assert word.split() == [word]
    assert SignedInvitation.parse(f" {word}\n") == INVITATION


@pytest.mark.parametrize("text", ["", "hello", "sealgrid-invitation-", "sealgrid-invitation-e30", "é", "A" * 5])
def test_a_word_that_is_no_invitation_is_refused_with_a_sentence(text):
    with pytest.raises(InputRefused, match="is not an invitation; paste the whole word"):
        SignedInvitation.parse(text)
