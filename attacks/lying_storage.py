"""A storage node that serves altered content."""

from attacks.attack import Outcome, refused
from attacks.scene import Scene
from sealgrid.receipts.receipt import parse_envelope
from sealgrid.sdk.operations import fetch_receipt, open_result


async def serve_another_result(scene: Scene) -> Outcome:
    """Serve a result with one changed byte; the right one, served later, still opens."""
    job, run = await scene.job()
    await run.run()
    settled = parse_envelope(await fetch_receipt.fetch_receipt(scene.requester, job.task)).settle
    file = scene.stored(settled.sealed_sha256)
    honest = file.read_bytes()
    file.chmod(0o600)
    file.write_bytes(honest[:-1] + bytes([honest[-1] ^ 1]))
    outcome = await refused(
        "requester's SDK", open_result.open_result(scene.requester, settled, job.result_key), otherwise="file's digest"
    )
    file.write_bytes(honest)
    assert (await open_result.open_result(scene.requester, settled, job.result_key)).exit == 0
    return outcome
