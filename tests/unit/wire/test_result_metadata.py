"""K1 opens for one task and one enclave only."""

import pytest

from sealgrid.crypto.hpke import HpkeKey, seal
from sealgrid.errors import ContainerRefused
from sealgrid.units import TaskId, to_address, to_digest
from sealgrid.wire.result_metadata import k1_context

TASK, OTHER_TASK = (TaskId(to_digest(bytes([n]) * 32)) for n in (1, 2))
ENCLAVE, OTHER_ENCLAVE = (to_address(bytes([n]) * 20) for n in (3, 4))


@pytest.mark.parametrize("context", [(OTHER_TASK, ENCLAVE), (TASK, OTHER_ENCLAVE)], ids=["task", "enclave"])
def test_k1_of_another_task_or_enclave_does_not_open(context):
    key = HpkeKey.generate()
    sealed = seal(key.public, b"k1", k1_context(TASK, ENCLAVE))
    assert key.open(sealed, k1_context(TASK, ENCLAVE)) == b"k1"
    with pytest.raises(ContainerRefused):
        key.open(sealed, k1_context(*context))
