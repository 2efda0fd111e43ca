"""The result of an app without an enclave is what the app declares as deterministic, and equal on every machine."""

from sealgrid.enclave.job.iexec_env import ComputedResult
from sealgrid.enclave.job.public_job import PublicResult, covered

FILES = {"result.json": b"1", "folder/a": b"2", "folder/b/c": b"3", "folders": b"4", "computed.json": b"{}"}


def test_only_declared_files_belong_to_the_result():
    assert covered(FILES, ComputedResult("result.json", None)) == {"result.json": b"1"}
    assert covered(FILES, ComputedResult("folder", None)) == {"folder/a": b"2", "folder/b/c": b"3"}
    assert covered(FILES, ComputedResult("", b"data")) == {}


def test_equal_files_have_one_digest_and_the_exit_code_counts():
    one, other = PublicResult({"a": b"1", "b": b"2"}, 0), PublicResult({"b": b"2", "a": b"1"}, 0)
    assert one.pack() == other.pack() != PublicResult({"a": b"1", "b": b"2"}, 1).pack()
