"""A worker's clock is ahead by what its file says, at once and until it says something else."""

from chaos.worker_process import shifted_clock, write_clock


def test_the_injected_clock_follows_its_file_while_it_runs(tmp_path):
    path = tmp_path / "clock"
    write_clock(path, 0.0)
    clock = shifted_clock(lambda: 1000.0, path)
    assert clock() == 1000.0
    write_clock(path, -3600.0)
    assert clock() == -2600.0
    write_clock(path, 0.0)
    assert clock() == 1000.0
