"""Which sealed input belongs to which task of a request order."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sealgrid.attestation.job_params import parse_params
from sealgrid.attestation.task_inputs import TaskInputProof, TaskInputs, TaskInputTree, listed_input, pack_input_list
from sealgrid.crypto.digests import sha256
from sealgrid.errors import InputRefused
from sealgrid.units import to_digest

KEY = "0x" + "11" * 32


def files(count):
    return [to_digest(sha256(bytes([number // 256, number % 256]))) for number in range(count)]


@given(st.integers(1, 70), st.data())
def test_a_proof_shows_one_file_at_one_task_of_one_tree(count, data):
    listed = files(count)
    tree = TaskInputTree(listed)
    index = data.draw(st.integers(0, count - 1))
    proof = tree.proof(index)
    proved = [
        (file, task, tasks)
        for file in listed
        for task in range(count + 1)
        for tasks in {count}
        if TaskInputProof(inputs=TaskInputs(root=tree.inputs.root, tasks=tasks), index=task, path=proof.path).proves(
            file
        )
    ]
    assert proved == [(listed[index], index, count)]


@given(st.integers(1, 70), st.data())
def test_a_list_gives_each_task_its_input(count, data):
    listed, index = files(count), data.draw(st.integers(0, count - 1))
    assert listed_input(pack_input_list(listed), TaskInputTree(listed).inputs, index) == listed[index]


@pytest.mark.parametrize("changed", [b"", b"\1" * 64, pack_input_list(files(3)) + b"\0", pack_input_list(files(4))])
def test_another_list_than_the_params_name_is_refused(changed):
    with pytest.raises(InputRefused, match="is not the one that the params name"):
        listed_input(changed, TaskInputTree(files(3)).inputs, 0)


def test_a_list_has_no_input_for_a_task_behind_its_end():
    with pytest.raises(InputRefused):
        listed_input(pack_input_list(files(3)), TaskInputTree(files(3)).inputs, 3)


def test_a_proof_of_another_tree_shows_nothing():
    tree, other = TaskInputTree(files(5)), TaskInputTree(files(6))
    assert not TaskInputProof(inputs=other.inputs, index=2, path=tree.proof(2).path).proves(files(5)[2])


def test_a_tree_has_no_proof_of_a_task_that_it_does_not_have():
    with pytest.raises(ValueError, match="no leaf 3"):
        TaskInputTree(files(3)).proof(3)


def test_params_name_root_and_number_however_many_tasks_there_are():
    lengths = set()
    for count in (100, 900):
        inputs = TaskInputTree(files(count)).inputs
        named = {"root": inputs.root, "tasks": inputs.tasks}
        written = json.dumps({"sealgrid": {"result_key": KEY, "task_inputs": named}})
        assert parse_params(written).task_inputs == inputs
        lengths.add(len(written))
    assert len(lengths) == 1


@pytest.mark.parametrize("named", [{"root": KEY}, {"root": KEY, "tasks": 0}, {"root": "0x", "tasks": 1}, [KEY]])
def test_params_without_root_or_number_are_refused(named):
    with pytest.raises(InputRefused):
        parse_params(json.dumps({"sealgrid": {"result_key": KEY, "task_inputs": named}}))
