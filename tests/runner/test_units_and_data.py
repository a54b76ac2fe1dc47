"""Outputs of runs, and files that git does not have: what is compared, laid out, or advised."""

from pathlib import Path

import pytest

from autoresearch_graph.core.experiment import Crashed
from autoresearch_graph.core.output import how_to_print
from autoresearch_graph.runner import detect
from autoresearch_graph.settings import Choice
from autoresearch_graph.setup.wizard import dry_run
from autoresearch_graph.storage.ledger import Ledger
from tests.support.projects import PROGRAM, git, make_project, run

SIZES = """\
SIZE, CACHE, REST = {size}, {cache!r}, {rest}
unit = "K" if SIZE < 1024 else "M"
print(f"METRIC loss={{SIZE if unit == 'K' else SIZE / 1024}}{{unit}}")
print(f"METRIC cache={{CACHE}}")
"""
BOUND = PROGRAM.replace("## Time box", "## Constraints\n- `cache` <= 50\n\n## Time box")
READS = """\
X = 3.0
def told(path):
    try:
        return open(path).read().strip() or "empty"
    except OSError as error:
        return type(error).__name__
print([told(f"data/{name}") for name in ("x.csv", "labels.csv", "README")], told("disk/y.csv"))
for path in ("data/x.csv", "disk/y.csv"):
    try:
        open(path, "a").write("more")
    except OSError:
        pass
open("other.py", "a").write("# and its output")
print(f"loss: {X}")
"""
ENVIRONMENT = """
## Environment
- A run may read `data` and `./disk`.
- A run may write `other.py`.

## Hidden
- `data/labels.csv`
"""


def sizes(size: float, cache: str = "40M", rest: int = 0) -> str:
    return SIZES.format(size=size, cache=cache, rest=rest)


def test_a_unit_that_changes_is_a_crash_also_after_a_resume_and_for_a_constraint(tmp_path: Path):
    project = make_project(tmp_path / "p", program=BOUND, text=sizes(900))
    texts = [sizes(2440), sizes(800), sizes(700, "1G"), sizes(700, "39"), sizes(1360)]
    run(project, texts[:2], experiments=2)
    _, rows = run(project, texts, experiments=5)
    assert [row.status for row in rows] == ["keep", "crash", "keep", "crash", "crash", "crash"]
    assert "printed in M, the baseline in K" in rows[1].reason
    assert "cache was printed in G, the baseline in M" in rows[3].reason
    assert "cache was printed without a unit, the baseline in M" in rows[4].reason


def test_a_ledger_of_before_units_were_kept_goes_on_and_keeps_them_from_there(tmp_path: Path):
    project = make_project(tmp_path / "p", text=sizes(900))
    run(project, [sizes(890)], experiments=1)
    path = project / ".autoresearch/t/experiments.jsonl"
    older = path.read_text().replace('"unit":"K",', "").replace('"units":{"cache":"M"},', "")
    assert "unit" not in older
    path.write_text(older)
    for name in path.parent.glob("checkpoints.sqlite*"):
        name.unlink()
    run(project, [sizes(890), sizes(880), sizes(2440)], experiments=3)
    rows = Ledger(path.parent, metric="loss").experiments
    assert [row.status for row in rows] == ["keep", "keep", "keep", "crash"]


def loose(folder: Path) -> Path:
    """A project with data that git ignores, in a folder with a committed file and behind a link."""
    project = make_project(folder, program=PROGRAM + ENVIRONMENT, text=READS)
    for name, text in (("x.csv", "x"), ("labels.csv", "secret"), ("README", "about")):
        (project / "data").mkdir(exist_ok=True)
        (project / "data" / name).write_text(text)
    (folder.parent / "disk").mkdir()
    (folder.parent / "disk/y.csv").write_text("y")
    (project / "disk").symlink_to(folder.parent / "disk")
    (project / ".gitignore").write_text("disk\n*.csv\n")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=data")
    return project


@pytest.mark.parametrize("sandbox", ["auto", "off"])
def test_ignored_data_is_read_by_its_own_name_never_written_and_never_what_is_hidden(
    tmp_path: Path, sandbox: Choice
):
    project = loose(tmp_path / "p")
    _, rows = run(project, [READS.replace("3.0", "2.0")], experiments=1, sandbox=sandbox)
    assert [row.metric for row in rows] == [3.0, 2.0]
    hidden = "PermissionError" if detect(sandbox).level == "bwrap" else "FileNotFoundError"
    for number in (0, 1):
        log = (project / f".autoresearch/t/experiments/000{number}/log.txt").read_text()
        assert log.startswith(f"['x', '{hidden}', 'about'] y\n")
    assert (project / "data/x.csv").read_text() == "x"
    assert (tmp_path / "disk/y.csv").read_text() == "y"
    assert (project / "other.py").read_text() == "# nobody edits this\n"
    assert git(project, "status", "--short") == ""


def test_a_hard_link_of_what_is_hidden_is_not_given_without_walls(tmp_path: Path):
    project = loose(tmp_path / "p")
    (project / "data/x.csv").unlink()
    (project / "data/x.csv").hardlink_to(project / "data/labels.csv")
    run(project, [], experiments=1, sandbox="off")
    log = (project / ".autoresearch/t/experiments/0000/log.txt").read_text()
    assert log.startswith("['FileNotFoundError', 'FileNotFoundError', 'about'] y")


def told(project: Path, text: str) -> str:
    """The reason why a text that is committed gives no baseline."""
    (project / "asset.py").write_text("X = 3.0\n" + text)
    git(project, "commit", "--quiet", "--all", "--message=another")
    outcome = dry_run(project).outcome
    assert isinstance(outcome, Crashed)
    return outcome.reason


def test_a_baseline_that_lacks_something_of_the_project_is_told_how_to_get_it(tmp_path: Path):
    project = make_project(tmp_path / "p")
    (project / ".gitignore").write_text("data\n")
    git(project, "add", "--all")
    git(project, "commit", "--quiet", "--message=ignore")
    (project / "data").mkdir()
    (project / "data/x.csv").write_text("x")
    (project / "helper.py").write_text("")
    assert "git ignores it: say under Environment: A run may read `data`" in told(
        project, "import pathlib; open(pathlib.Path(__file__).parent / 'data/x.csv')"
    )
    assert "helper.py is in your project, but it is not committed" in told(project, "import helper")
    assert "A run may write `other.py`" in told(project, "open('other.py', 'w')")
    found = told(project, "open('out.json', 'w').write('{\"loss\": 1}')")
    assert "out.json has loss: end the command with `&& cat out.json`" in found
    assert "in your project" not in told(project, "open('data/none.csv')")


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("Epoch 3/3 - loss: 0.03 - val_loss: 0.04", "print `loss: 0.03` on a line of its own"),
        ("9/9 - loss: 2\b\b\b\b\b9/9 ━━ 2ms/step - loss: 0.1", "print `loss: 0.1` on a line"),
        ("{'loss': '0.03', 'epoch': '1.0'}", "print `loss: 0.03` on a line"),
        ("2026-01-01 12:00:00,123 - INFO:root:loss: 0.03", "print `loss: 0.03` on a line"),
        ("[rank0]: loss: 0.03", "print `loss: 0.03` on a line"),
        ("loss: tensor(0.0300, device='cuda:0')", "print `loss: 0.0300` on a line"),
        ("loss: np.float64(3e-05)", "print `loss: 3e-05` on a line"),
        ("loss: 0.03 ± 0.001", "print `loss: 0.03` on a line"),
        ("│ loss │ 0.03 │", "print `loss: 0.03` on a line"),
        ("Loss -> 0.03", "print `loss: 0.03` on a line"),
        ("loss: 36,100", "print `loss: 36100`, without separators"),
        ("loss: 1,5", "`1,5` is not read as a number"),
        ("loss: 12 ms", "print `METRIC loss=12 ms`, always in the same unit"),
    ],
)
def test_a_usual_output_is_answered_with_the_line_that_would_be_read(line: str, advice: str):
    assert f"; {advice}" in how_to_print(f"val_loss: 9\n{line}\n", "loss")
    assert how_to_print("val_loss: 0.04\ntrain/loss: 1\n", "loss") == ""
