"""What a full store and a used quota tell a client to do."""

import pytest

from sealgrid.storage_node.quota_types import UPLOADS, ClientKind, StorageClientId, quota_reached, store_full


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [
        (ClientKind.ADDRESS, "deposit RLC into PoCo's escrow and upload as that account"),
        (ClientKind.ACCOUNT, "deposit more RLC"),
        (ClientKind.RESULT, "have requesters open their results"),
    ],
)
def test_a_used_quota_names_what_a_client_of_this_kind_can_do(kind, remedy):
    client = StorageClientId(kind, "anna", (4096, 12, 3))
    assert f"has 4096 bytes of disk here and may have no more; wait until files expire, or {remedy}" in str(
        quota_reached(client, 0)
    )
    assert "has 12 files here" in str(quota_reached(client, 1))
    assert "has 3 open uploads here and may have no more; finish one" in str(quota_reached(client, UPLOADS))


def test_a_full_store_says_when_to_try_again():
    assert "no room for more files for accounts; try again in an hour" in str(store_full(ClientKind.ACCOUNT, 1))
    assert "no room for another upload for results; try again in a minute" in str(
        store_full(ClientKind.RESULT, UPLOADS)
    )
