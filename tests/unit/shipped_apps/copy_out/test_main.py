from tests.unit.shipped_apps.app_process import bundled, run_app


def test_the_thief_takes_the_whole_model_and_says_so(tmp_path):
    ran = run_app("copy_out", tmp_path, dataset=b"weights" * 1000, inputs={"picture": b"ignored"})
    assert ran.code == 0
    assert ran.files["stolen.bin"] == b"weights" * 1000
    assert ran.output_file == "stolen.bin"
    assert "HOSTILE" in ran.errors


def test_without_a_model_there_is_nothing_to_steal(tmp_path):
    ran = run_app("copy_out", tmp_path)
    assert ran.code == 1
    assert ran.files == {}


def test_its_manifest_warns_every_owner():
    _, verified = bundled("copy_out")
    assert verified.manifest.description == "HOSTILE: tries to steal the model; owners must never approve it"
    assert verified.manifest.title.startswith("HOSTILE")


def test_the_thief_and_the_honest_app_have_different_digests():
    assert bundled("copy_out")[1].app_digest != bundled("hash_file")[1].app_digest
