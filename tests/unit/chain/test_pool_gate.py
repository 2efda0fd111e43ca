"""The proof of a worker without an enclave has the form of every proof."""

from eth_abi.abi import decode

from sealgrid.chain.broker import PROOF
from sealgrid.chain.pool_gate import encode_proof_without_enclave
from sealgrid.units import ZERO_ADDRESS, DealId, to_address, to_digest


def test_a_proof_without_an_enclave_has_the_pools_signature_and_no_verdict():
    worker, deal = to_address(b"\x0a" * 20), DealId(to_digest(b"\x0d" * 32))
    proof = encode_proof_without_enclave(worker=worker, deal=deal, index=3, pool_signature=b"signature")
    decoded = decode(PROOF, proof)
    assert decoded[:5] == (worker, b"\x0d" * 32, 3, ZERO_ADDRESS, b"signature")
    assert decoded[6:] == ((), ())
