"""A reader that reports its progress."""

import io
import os

from sealgrid.crypto import container
from sealgrid.sdk.progress import CountedReader, ProgressStep


def test_a_counted_reader_reports_every_chunk_and_the_container_is_the_same():
    content, steps, sealed = os.urandom(3 * (1 << 16) + 5), [], io.BytesIO()
    counted = CountedReader(io.BytesIO(content), "sealing", len(content), steps.append)
    container.seal(counted, sealed, dek=bytes(32), size=len(content), key_id=bytes(16), chunk_size=1 << 16)
    assert container.open_bytes(sealed.getvalue(), bytes(32)) == content
    assert [step.done for step in steps if step.done != len(content)] == [1 << 16, 2 << 16, 3 << 16]
    assert steps[-1] == ProgressStep("sealing", len(content), len(content))
