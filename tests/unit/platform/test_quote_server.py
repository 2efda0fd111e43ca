"""An enclave gets one quote, over 64 bytes."""

from tests.unit.platform.enclave_scene import quote


async def test_an_instance_gets_one_quote_and_no_second(fresh):
    await fresh.ask("launch")
    assert await quote(fresh) is not None
    assert await quote(fresh) is None


async def test_report_data_of_another_size_get_no_quote_at_all(fresh):
    await fresh.ask("launch")
    assert await quote(fresh, bytes(63)) is None
    assert await quote(fresh) is None
