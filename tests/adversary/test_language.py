"""Language models that cheat, in one research on the real train.py and prepare.py."""

import ast
import re
import shutil
from pathlib import Path

import pytest

from autoresearch_graph import research
from autoresearch_graph.lab import open_lab
from autoresearch_graph.runner import detect
from autoresearch_graph.start import Settings

from ..agreement import assert_agreement
from ..conftest import Scripted, git

pytest.importorskip("torch")
pytest.importorskip("rustbpe")
pytest.importorskip("tiktoken")

ROOT = Path(__file__).parent.parent.parent
ATTACKS = {path.stem: path for path in sorted((Path(__file__).parent / "language").glob("*.py"))}
TOLD = {
    "asks_for_more_than_there_is": "that is out of bounds",
    "is_infinite_in_double": "not finite",
    "is_infinitely_sure": "not finite",
    "knows_the_windows": "Permission denied",
    "leaves_a_pickle": "is not what train.py has to hand over",
    "leaves_a_pickle_in_an_array": "is not what train.py has to hand over",
    "looks_ahead_in_some_windows": "The model looks ahead",
    "looks_ahead_once_a_window": "The model looks ahead",
    "looks_ahead_unless_it_is_watched": "The model looks ahead",
    "looks_at_the_next_token": "The model looks ahead",
    "makes_a_size_of_the_text": "gets a tensor for its",
    "multiplies_by_a_sparse_matrix": "which is not among the operators",
    "names_another_layout": "which is no type that an evaluation knows",
    "names_other_operators": "which is not among the operators",
    "reads_beyond_its_labels": "which is not among the operators",
    "reads_the_memory_of_the_evaluation": "which is not among the operators",
    "remembers_the_windows": "which is not among the operators",
    "replaces_the_loss": "is worse than the incumbent",
    "says_nothing_finite": "not finite",
    "tells_the_text_by_a_shape": "gives no logits",
    "tells_the_text_by_an_error": "it raises IndexError on held-out text",
    "writes_beside_a_gradient": "which is not among the operators",
}
STEPS = {"AUTORESEARCH_STEPS": "6", "CUDA_VISIBLE_DEVICES": ""}
SIZES, SMALLER = '"python": (128, 1024, 1280)', '"python": (128, 257, 320)'


NAMES = ("AUTORESEARCH_CACHE", *STEPS)


@pytest.mark.timeout(600)
def test_no_language_model_that_cheats_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    if detect().level != "bwrap":
        pytest.skip("bubblewrap does not work here")
    for name, value in STEPS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AUTORESEARCH_CACHE", str(tmp_path / "cache"))
    honest = (ROOT / "train.py").read_text() + "\n# the same again\n"
    texts = [*(path.read_text() for path in ATTACKS.values()), honest]
    lab = open_lab(Settings(project=made(tmp_path / "p"), tag="t"), proposer=Scripted(texts))
    try:
        research.run(lab)
    finally:
        lab.close()
    assert_agreement(tmp_path / "p", "t", metric="val_bpb")
    baseline, *cheats, last = lab.ledger.experiments
    assert baseline.status == "keep"  # its first run has the seed of the last experiment
    assert last.metrics["val_bpb"] == next(run.metric for run in baseline.trials)
    for attack, experiment in zip(ATTACKS, cheats, strict=True):
        assert experiment.status in ("discard", "crash"), attack
        assert TOLD[attack] in experiment.reason, attack


def made(project: Path) -> Path:
    """The job of the repository, for a few steps a run, on bytes and fewer windows."""
    project.mkdir()
    for path in (*ROOT.glob("*.py"), ROOT / "program.md"):
        shutil.copy(path, project)
    tokenizer = project / "tokenizer.py"
    sizes = tokenizer.read_text()
    assert SIZES in sizes
    tokenizer.write_text(sizes.replace(SIZES, SMALLER))
    program = project / "program.md"
    text = program.read_text().replace("`AUTORESEARCH_CACHE`", ", ".join(f"`{n}`" for n in NAMES))
    text = re.sub("- `balanced`: .*", "- `deterministic`: six steps are the same each time.", text)
    program.write_text(text.replace("- 20 experiments\n- 30 minutes", "- 100 experiments"))
    git(project, "init", "--quiet", "--initial-branch=main")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=start")
    return project


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_attack_says_what_stops_it(attack: str):
    told = ast.get_docstring(ast.parse(ATTACKS[attack].read_text())) or ""
    assert all(told.partition("\n\nStopped by: "))
