"""The bounded log."""

import tracemalloc
from pathlib import Path

import pytest

from autoresearch_graph.core.output import read_metrics
from autoresearch_graph.runner.log import HEAD, TAIL, Log

LINES = b"".join(b"step %d\n" % n for n in range(120_000))


def test_what_is_written_is_in_the_file_at_once(tmp_path: Path):
    with Log(tmp_path / "log.txt", title="python train.py") as log:
        log.write(b"step 1\n")
        assert (tmp_path / "log.txt").read_text() == "$ python train.py\nstep 1\n"


@pytest.mark.parametrize("size", [1_000, 7_777, 65_536, len(LINES)])
def test_the_first_and_the_last_bytes_are_kept(tmp_path: Path, size: int):
    path = tmp_path / "log.txt"
    with Log(path) as log:
        for at in range(0, len(LINES), size):
            log.write(LINES[at : at + size])
            assert path.stat().st_size <= HEAD + 2 * TAIL + 100
    kept = path.read_bytes()
    note = f" ... {len(LINES) - HEAD - TAIL:,} bytes left out ... ".encode()
    assert kept == LINES[:HEAD] + note + LINES[-TAIL:]
    assert log.text() == kept.decode()


def test_a_flood_costs_no_memory(tmp_path: Path):
    tracemalloc.start()
    with Log(tmp_path / "log.txt") as log:
        for _ in range(50):
            log.write(LINES)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * len(LINES)


def test_an_output_that_just_fits_is_kept_whole(tmp_path: Path):
    with Log(tmp_path / "log.txt") as log:
        log.write(LINES[: HEAD + TAIL])
    assert (tmp_path / "log.txt").read_bytes() == LINES[: HEAD + TAIL]


def test_a_number_that_is_cut_is_not_read(tmp_path: Path):
    with Log(tmp_path / "log.txt") as log:
        log.write(b"x\n" * (HEAD // 2 - 6) + b"val_bpb: 0.979" + b"\nx" * TAIL)
    assert "val_bpb: 0.9 ..." in log.text()
    assert "val_bpb" not in read_metrics(log.text())


def test_a_second_command_is_appended_under_its_title(tmp_path: Path):
    path = tmp_path / "log.txt"
    with Log(path, title="python train.py") as first:
        first.write(LINES)
    with Log(path, title="python prepare.py") as second:
        second.write(LINES)
    assert (
        path.read_text() == f"$ python train.py\n{first.text()}$ python prepare.py\n{second.text()}"
    )


def test_the_latest_line_is_the_last_that_says_something(tmp_path: Path):
    with Log(tmp_path / "log.txt") as log:
        assert log.latest() == ""
        log.write(b"step 1\rstep 2 \x1b[1mloss\x1b[0m\r\n \n")
        assert log.latest() == "step 2 loss"
        log.write(b"x" * 1_000_000)
        assert log.latest() == "x" * 4096
