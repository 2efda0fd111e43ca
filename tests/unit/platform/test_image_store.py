"""A laid-out image equals its plan, and its bytecode is the platform's own."""

from sealgrid.platform.image import measure
from sealgrid.platform.image_store import lay_out
from tests.unit.platform.enclave_scene import Enclave


def test_laying_out_again_removes_what_is_not_planned_and_renews_what_changed(image, tmp_path):
    source = tmp_path / "source"
    (image.files / "stray/deep").mkdir(parents=True)
    (image.files / "stray/deep/file").write_bytes(b"x")
    (image.files / "link").symlink_to("a")
    source.write_bytes(b"three")
    lay_out({"a": source}, image.files)
    assert [file.path for file in measure(image.files)] == ["a"]
    assert (image.files / "a").read_bytes() == b"three"


async def test_changed_bytecode_is_never_run(platform):
    await (await Enclave(platform).launch()).close()
    compiled = next(platform.image.bytecode.rglob("session.*.pyc"))
    original = compiled.read_bytes()
    compiled.write_bytes(original[:-1] + bytes([original[-1] ^ 1]))
    enclave = await Enclave(platform).launch()
    await enclave.close()
    again = next(platform.image.bytecode.rglob("session.*.pyc"))
    assert again.read_bytes()[-1] == original[-1]
