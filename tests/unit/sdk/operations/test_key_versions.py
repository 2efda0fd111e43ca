"""Versions of a key from vaults' views: a majority of all vaults counts, silent ones included."""

from types import SimpleNamespace

import pytest

from sealgrid.errors import NotFound, ServiceUnavailable, SharesRefused
from sealgrid.sdk.operations.key_versions import (
    KeyVersionView,
    is_iexec_key,
    key_versions,
    opened_task,
    unopened_task,
    views_of,
)
from sealgrid.units import to_address, to_digest
from sealgrid.wire.vault import AssetView, KeyVersion

MODEL = to_address(b"\xaa" * 20)
ONE, TWO = to_digest(b"\x01" * 32), to_digest(b"\x02" * 32)


def view(*history: KeyVersion, **changes) -> AssetView:
    return AssetView(record=None, signature=b"", policy=None, policy_signature=b"", history=history, **changes)


def version(number, record, received, destroyed=0) -> KeyVersion:
    return KeyVersion(version=number, record=record, received=received, destroyed=destroyed)


@pytest.mark.parametrize(
    ("views", "task"),
    [
        ([view(opened=ONE), view(opened=ONE), view()], ONE),
        ([view(opened=ONE), view(opened=ONE), None], ONE),
        ([view(opened=ONE), view(opened=ONE), view(opened=TWO)], ONE),
        ([view(opened=ONE), view(), None], None),
        ([view(opened=ONE), None, None], None),
    ],
)
def test_a_task_counts_when_more_than_half_of_all_vaults_report_one(views, task):
    assert opened_task(views) == task
    swapped = [each and view(unopened=each.opened) for each in views]
    assert unopened_task(swapped) == task


def test_a_key_is_iexecs_when_more_than_half_of_the_vaults_say_it():
    assert is_iexec_key([view(iexec=True), view(iexec=True), None])
    assert not is_iexec_key([view(iexec=True), view(), None])


def test_versions_are_those_of_all_vaults_with_the_vaults_that_store_a_share_now():
    assert key_versions(
        [view(version(1, ONE, 50, destroyed=90), version(2, TWO, 95)), view(version(1, ONE, 40)), None]
    ) == (KeyVersionView(1, ONE, since=40, vaults=1), KeyVersionView(2, TWO, since=95, vaults=1))


class Vault:
    """A vault with one answer."""

    def __init__(self, answer) -> None:
        self._answer = answer

    async def asset(self, asset, owner):
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer


async def test_a_vault_without_the_key_or_an_answer_has_no_view_and_another_error_is_raised():
    known = view()
    answers = [known, NotFound("no such key."), ServiceUnavailable("the vault is away.")]
    conn = SimpleNamespace(vaults=[Vault(each) for each in answers])
    assert await views_of(conn, MODEL, MODEL) == (known, None, None)
    with pytest.raises(SharesRefused):
        await views_of(SimpleNamespace(vaults=[Vault(SharesRefused("deposit.1", "broken."))]), MODEL, MODEL)
