"""Valid facts of a task."""

from sealgrid.attestation.facts import AppFact, DatasetFact, Facts
from sealgrid.units import ZERO_ADDRESS

ACCOUNT, HASH = "0x" + "ab" * 20, "0x" + "cd" * 32


def facts(dataset: DatasetFact | None = None) -> Facts:
    return Facts(
        chain=31337,
        hub=ACCOUNT,
        broker=ACCOUNT,
        deal="0x" + "01" * 32,
        task="0x" + "02" * 32,
        index=7,
        bot_first=5,
        bot_size=4,
        worker=ACCOUNT,
        enclave=ACCOUNT,
        attempt=1,
        app=AppFact(address=ACCOUNT, digest=HASH),
        dataset=dataset,
        secrets=(),
        requester=ACCOUNT,
        requester_signature="eoa",
        pool=ACCOUNT,
        beneficiary=ACCOUNT,
        result_key=HASH,
        params="{}",
        inputs=(),
        callback=ZERO_ADDRESS,
        quorum=2,
        release="escrow",
        output_bytes=1,
        expiry=1,
    )
