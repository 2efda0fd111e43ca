"""A preview counts if the vault signed it for this request."""

import msgspec
import pytest

from sealgrid.attestation.statements import Preview
from sealgrid.crypto.signing import Domain, SigningKey
from sealgrid.errors import EvidenceRefused
from sealgrid.units import TaskId, to_address, to_digest
from sealgrid.wire.message import encode
from sealgrid.wire.preview import PreviewReply, PreviewRequest, VaultOpinion, preview, request_digest

VAULT, OTHER = SigningKey.from_bytes(b"\x01" * 32), SigningKey.from_bytes(b"\x02" * 32)
DOMAIN = Domain(1, to_address(b"\x0b" * 20))
REQUEST = PreviewRequest(task=TaskId(to_digest(b"\x0e" * 32)))


class Vault:
    """A transport to a vault that signs a preview of ``answered``."""

    def __init__(self, key: SigningKey = VAULT, answered: PreviewRequest = REQUEST, check: str = "7.10") -> None:
        self.key, self.answered, self.check = key, answered, check

    async def request(self, method: str, path: str, body: bytes = b"") -> bytes:
        statement = Preview(
            question=request_digest(encode(self.answered)), check="7.10", of_deal=True, settles=False, block=5, issued=5
        )
        signature = statement.sign(DOMAIN, self.key)
        shown = msgspec.structs.replace(statement, check=self.check)
        return encode(PreviewReply(vault=self.key.address, preview=shown, signature=signature, sentence="closed"))


async def test_a_signed_preview_is_the_vaults_opinion():
    opinion = await preview(Vault(), REQUEST, VAULT.address, DOMAIN)
    assert opinion == VaultOpinion(VAULT.address, "7.10", True, False, "closed", ())


@pytest.mark.parametrize(
    "vault",
    [Vault(key=OTHER), Vault(answered=PreviewRequest()), Vault(check="")],
    ids=["another signer", "another request", "another answer"],
)
async def test_any_other_preview_is_refused(vault: Vault):
    with pytest.raises(EvidenceRefused, match="is not signed by it"):
        await preview(vault, REQUEST, VAULT.address, DOMAIN)
