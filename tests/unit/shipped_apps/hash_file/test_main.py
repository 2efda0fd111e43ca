import hashlib

from tests.unit.shipped_apps.app_process import bundled, run_app


def hex_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def test_the_model_and_every_input_are_hashed_in_order(tmp_path):
    ran = run_app("hash_file", tmp_path, dataset=b"weights", inputs={"b.txt": b"second", "a.txt": b""})
    assert (ran.code, ran.errors) == (0, "")
    assert ran.result == {
        "dataset": hex_of(b"weights"),
        "files": [{"name": "b.txt", "sha256": hex_of(b"second")}, {"name": "a.txt", "sha256": hex_of(b"")}],
    }
    assert ran.output_file == "result.json"


def test_a_job_without_a_model_hashes_its_inputs(tmp_path):
    ran = run_app("hash_file", tmp_path, inputs={"a": b"1"})
    assert ran.result == {"dataset": None, "files": [{"name": "a", "sha256": hex_of(b"1")}]}


def test_a_job_without_inputs_hashes_its_model(tmp_path):
    assert run_app("hash_file", tmp_path, dataset=b"weights").result == {"dataset": hex_of(b"weights"), "files": []}


def test_nothing_to_hash_is_a_failure_in_one_line(tmp_path):
    ran = run_app("hash_file", tmp_path)
    assert ran.code == 1
    assert ran.errors == "there is nothing to hash: give a dataset or at least one input file.\n"
    assert ran.files == {}


def test_its_bundle_holds_the_program_and_no_wheel():
    bundle, verified = bundled("hash_file")
    assert set(verified.files) == {"CHANGELOG.md", "README.md", "main.py"}
    assert verified.manifest.wheels == ()
    assert bundled("hash_file")[0].archive == bundle.archive
