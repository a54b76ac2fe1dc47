"""Each benchmark starts, and answers a wrong argument in a sentence."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.projects import make_project

REPOSITORY = Path(__file__).parent.parent.parent
BENCHMARKS = sorted(
    path.name for path in (REPOSITORY / "benchmarks").glob("*.py") if path.name != "arguments.py"
)
# Libraries of a benchmark that an environment may lack.
LIBRARIES = {"compressors.py": "torch", "plain_gpt.py": "torch", "pictures.py": "playwright"}
WRONG = [
    ("hopeless.py", ""),
    ("overhead.py", "9"),
    ("peers.py", "30 no-such-python"),
    ("random_search.py", ""),
    ("structure.py", "."),
]
TEXTS = [f"This is text {number}, which nobody has read before.\n" * 9 for number in range(60)]


def start(
    folder: Path, benchmark: str, *arguments: str, **environ: str
) -> subprocess.CompletedProcess[str]:
    if benchmark in LIBRARIES:
        pytest.importorskip(LIBRARIES[benchmark])
    return subprocess.run(
        [sys.executable, str(REPOSITORY / "benchmarks" / benchmark), *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), **environ},
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("benchmark", BENCHMARKS)
def test_an_option_that_a_benchmark_does_not_have_is_an_error(
    benchmark: str, tmp_path: Path
) -> None:
    done = start(tmp_path, benchmark, "--no-such-option")
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert f"{benchmark}: error: " in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(("benchmark", "arguments"), WRONG)
def test_a_wrong_argument_is_one_sentence(benchmark: str, arguments: str, tmp_path: Path) -> None:
    done = start(tmp_path, benchmark, *arguments.split())
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert f"{benchmark}: error: " in done.stderr.splitlines()[-1]


def test_a_research_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    project = make_project(tmp_path / "project")
    done = start(tmp_path, "hopeless.py", str(project), "no-such-tag")
    assert done.returncode == 2, done.stderr
    assert "hopeless.py: error: " in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("verdicts.py 1", "strong gains, drift 0.3"),
        ("brief.py 5", "This is experiment 5."),
        ("sandbox.py 1", "median of 1 runs"),
        ("structure.py", "functions over 50 lines"),
    ],
)
def test_a_small_benchmark_prints_its_table(command: str, told: str, tmp_path: Path) -> None:
    done = start(tmp_path, *command.split())
    assert done.returncode == 0, done.stderr
    assert told in done.stdout


def test_compressors_and_a_plain_model_are_measured_on_a_text(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    texts = tmp_path / "texts"
    texts.mkdir()
    for number, text in enumerate(TEXTS):
        (texts / f"{number}.txt").write_text(text)
    environ = {
        "AUTORESEARCH_CACHE": str(tmp_path / "cache"),
        "AUTORESEARCH_DATA": str(texts),
        "AUTORESEARCH_STEPS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    prepared = start(tmp_path, "../prepare.py", **environ)
    assert prepared.returncode == 0, prepared.stderr
    compressed = start(tmp_path, "compressors.py", **environ)
    assert compressed.returncode == 0, compressed.stderr
    assert "gzip -9: " in compressed.stdout
    trained = start(tmp_path, "plain_gpt.py", **environ)
    assert trained.returncode == 0, trained.stderr
    assert "num_steps: 1" in trained.stdout
    assert (tmp_path / "model.npz").exists()
