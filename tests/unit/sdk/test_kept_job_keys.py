"""A job's key lies in a private file before anything is bought, and opens the job later."""

import stat

import pytest

from sealgrid.crypto.hpke import HpkeKey
from sealgrid.errors import InputRefused, NotFound
from sealgrid.poco.orders import AppOrder, DatasetOrder, RequestOrder, WorkerpoolOrder
from sealgrid.sdk.operations.buy import PurchasedTask
from sealgrid.sdk.operations.deal_terms import DealOrders
from sealgrid.sdk.stores.home import home
from sealgrid.sdk.stores.job_store import JobStore, kept
from sealgrid.units import Address, DealId, Digest, TaskId

A, D = Address("0x" + "aa" * 20), "0x" + "dd" * 32


def job(number: int = 1) -> PurchasedTask:
    terms = DealOrders(
        AppOrder(app=A, appprice=5, sign=b"1"),
        DatasetOrder(dataset=A, datasetprice=7, sign=b"2"),
        WorkerpoolOrder(workerpool=A, sign=b"3"),
        RequestOrder(app=A, requester=A, beneficiary=A, params='{"a": "ü"}', sign=b"4"),
    )
    return PurchasedTask(DealId(D), TaskId("0x" + f"{number:064x}"), terms, HpkeKey.generate())


def entry(of: PurchasedTask, created: int = 1):
    return kept(of, genesis=Digest(D), hub=A, created=created)


def test_a_kept_job_is_the_job_again(tmp_path):
    jobs, mine = JobStore(tmp_path / "jobs"), job()
    jobs.keep(entry(mine))
    again = jobs.read(mine.task.upper().replace("0X", "0x")).job()
    assert (again.deal, again.task, again.terms) == (mine.deal, mine.task, mine.terms)
    assert again.result_key.secret == mine.result_key.secret


def test_only_its_owner_can_read_the_file_and_no_part_of_it_is_left_lying(tmp_path):
    jobs, mine = JobStore(tmp_path / "jobs"), job()
    jobs.keep(entry(mine))
    assert stat.S_IMODE(jobs.path(mine.task).stat().st_mode) == 0o600
    assert stat.S_IMODE(jobs.folder.stat().st_mode) == 0o700
    assert [path.name for path in jobs.folder.iterdir()] == [f"{mine.task}.json"]


def test_the_secret_is_in_no_repr():
    mine = job()
    assert mine.result_key.secret.hex() not in repr(entry(mine)) + repr(mine)


def test_the_newest_is_listed_first_and_a_forgotten_one_is_not(tmp_path):
    jobs = JobStore(tmp_path)
    assert jobs.all() == ()
    for number in (1, 3, 2):
        jobs.keep(entry(job(number), created=number))
    jobs.forget(job(3).task)
    assert [kept_job.created for kept_job in jobs.all()] == [2, 1]


@pytest.mark.parametrize(("task", "error"), [("0x12", InputRefused), ("../../etc", InputRefused), (D, NotFound)])
def test_an_unknown_task_is_one_clear_error(tmp_path, task, error):
    with pytest.raises(error):
        JobStore(tmp_path).read(task)


def test_a_damaged_file_is_named_and_never_left_out(tmp_path):
    jobs = JobStore(tmp_path)
    jobs.path(TaskId(D)).write_text("{")
    with pytest.raises(InputRefused, match="backup"):
        jobs.all()


def test_the_folder_is_what_was_chosen_or_the_environments_or_the_users(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    monkeypatch.delenv("SEALGRID_HOME", raising=False)
    assert home().jobs == tmp_path / "share" / "sealgrid" / "jobs"
    assert home().network == tmp_path / "share" / "sealgrid" / "localnet" / "network.json"
    monkeypatch.setenv("SEALGRID_HOME", str(tmp_path / "mine"))
    assert home().jobs == tmp_path / "mine" / "jobs"
    assert home(tmp_path / "other").network == tmp_path / "other" / "network.json"


def test_the_local_network_writes_its_file_where_clients_look(tmp_path, monkeypatch):
    from sealgrid.localnet.layout import Layout, default_folder

    for chosen in (None, str(tmp_path)):
        monkeypatch.delenv("SEALGRID_HOME", raising=False) if chosen is None else monkeypatch.setenv(
            "SEALGRID_HOME", chosen
        )
        assert home().network == Layout(default_folder().resolve()).network
