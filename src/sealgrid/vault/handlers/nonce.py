"""Handler of ``POST /nonces``: issues the nonce that an enclave's quote must carry."""

from sealgrid.vault.checks.nonce import NONCE_BYTES, authorization_digest, check_nonce_request
from sealgrid.vault.service import Vault
from sealgrid.wire.vault import NonceReply, NonceRequest


async def issue_nonce(vault: Vault, request: NonceRequest) -> NonceReply:
    """Issue a nonce to an enclave that the pool authorised (nonce checks 1.1 to 1.7)."""
    authorization = request.authorization
    pool_signature = (authorization_digest(authorization), authorization.signature)
    snapshot = await vault.chain.task(authorization.task, pool_signature=pool_signature)
    await vault.database.wait_for_commit()
    attempt = check_nonce_request(
        request,
        snapshot,
        vault.task_store.attempts(authorization.task),
        settled=vault.task_store.is_settled(authorization.task),
        restored_at=vault.database.restored_at,
        domain=vault.federation.domain,
    )
    nonce, at = vault.random(NONCE_BYTES), vault.clock()
    expires = at + vault.rules.nonce_ttl
    vault.task_store.add_nonce(nonce, attempt, expires, at)
    return NonceReply(vault=vault.address, nonce=nonce, expires=expires)
