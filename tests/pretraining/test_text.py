"""The text that is learned, the text that is measured with, and the programs that hide it."""

import subprocess
import sysconfig
from pathlib import Path
from types import ModuleType

import pytest

from autoresearch_graph.program.reader import read
from tests.pretraining.job import ROOT, start, value
from tests.support.waiting import PATIENCE

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")
pytest.importorskip("rustbpe")
pytest.importorskip("tiktoken")


def test_the_tokens_are_the_source_of_the_standard_library_each_file_once(prepare):
    text = prepare.corpus()
    train = files(prepare, text.train)
    val = files(prepare, prepare.held_out("validation").tokens)
    hold = files(prepare, prepare.held_out("holdout").tokens)
    assert len(set(train)) == len(train)
    assert all(len(each) < 100 for each in {*train}.intersection(val + hold))
    sizes = [sum(map(len, part)) for part in (train, val, hold)]
    assert sizes[0] > 5e6 and sizes[1] > 5e5 and sizes[2] > 3e5
    source = Path(sysconfig.get_path("stdlib"))
    known = {*train, *val, *hold, b""}
    assert len({file.read_bytes() for file in source.glob("[a-z]*.py")} - known) < 5


def files(prepare: ModuleType, tokens: "np.ndarray") -> list[bytes]:
    known = prepare.corpus().tokens
    openings = np.flatnonzero(tokens == prepare.OPENING)
    return [b"".join(known[t] for t in part) for part in np.split(tokens, openings)[1:]]


def test_batches_depend_on_the_seed_alone_and_y_is_x_one_token_later(prepare, monkeypatch):
    x, y = next(prepare.batches(4))
    assert x.shape == y.shape == (4, prepare.MAX_SEQ_LEN)
    assert torch.equal(x[:, 1:], y[:, :-1])
    assert torch.equal(x, next(prepare.batches(4))[0])
    monkeypatch.setattr(prepare, "SEED", 1)
    assert not torch.equal(x, next(prepare.batches(4))[0])


def test_two_processes_may_prepare_at_once_and_a_third_reads_what_they_left(tmp_path):
    both = [start(ROOT / "prepare.py", tmp_path / "new") for _ in range(2)]
    outputs = [process.communicate(timeout=90)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    third, _ = start(ROOT / "prepare.py", tmp_path / "new").communicate(timeout=PATIENCE)
    assert third in outputs[0]
    assert third in outputs[1]
    assert "prepared" in outputs[0] + outputs[1]
    assert "prepared" not in third
    assert [folder.name for folder in (tmp_path / "new").iterdir()] == [value("data", third)]


# ---------------------------------------------------------------- what is hidden


def test_program_md_hides_all_text_that_is_measured_with(prepare):
    from pretraining import corpora

    program = read(ROOT / "program.md", project=ROOT)
    held_out = {path for paths in corpora.HELD_OUT.values() for path in paths}
    assert set(program.hidden) == {f"{{stdlib}}/{path}" for path in held_out}
    assert (program.artifacts, program.handed_over) == (("model.npz",), (str(prepare.MODEL),))


def test_the_night_is_the_same_job_with_more_time(prepare):
    day, night = (read(ROOT / path, project=ROOT) for path in ("program.md", "programs/night.md"))
    longer = {
        "path",
        "text",
        "time_box",
        "stopping",
        "constraints",
        "sources",
        "lines",
        "unchecked",
    }
    same = [name for name in type(day).model_fields if name not in longer]
    assert [getattr(day, name) for name in same] == [getattr(night, name) for name in same]
    assert night.time_box.seconds > day.time_box.seconds


def test_h100_md_trains_fifty_million_parameters_on_a_text_that_it_hides(prepare, monkeypatch):
    monkeypatch.setattr(prepare, "MAX_SEQ_LEN", 2048)
    monkeypatch.setattr(prepare, "VOCAB_SIZE", 8192)
    script, asset = ROOT / "programs/h100.sed", ROOT / "train.py"
    done = subprocess.run(
        ["sed", "-E", "-f", script, asset], capture_output=True, text=True, check=True
    )
    lines = [line for line in script.read_text().splitlines() if line.startswith("s/")]
    changed = set(done.stdout.splitlines()) - set(asset.read_text().splitlines())
    assert len(changed) >= len(lines) - 3, "some have the same value in both"
    train = ModuleType("train")
    exec(compile(done.stdout, "train.py", "exec"), train.__dict__)
    with torch.device("meta"):
        model = train.GPT()
    assert sum(p.numel() for p in model.parameters()) == pytest.approx(50e6, rel=0.02)
    assert 2e8 < train.flops(model) < 4e8
    program = read(ROOT / "programs/h100.md", project=ROOT)
    folder = "~/.cache/autoresearch-graph/climbmix-8192"
    assert {f"{folder}/validation.bin", f"{folder}/holdout.bin"} < set(program.hidden)
    assert program.evaluation == "env AUTORESEARCH_DATA=climbmix python prepare.py evaluate"


def test_a_training_run_imports_nothing_of_what_is_hidden(prepare, tmp_path):
    from pretraining import corpora

    script = (
        "import sys, runpy, sysconfig; sys.argv = ['train.py']\n"
        f"runpy.run_path({str(ROOT / 'train.py')!r}, run_name='__main__')\n"
        "import torch._dynamo, torch._inductor.compile_fx, torch.utils.data, scipy.stats\n"
        "root = sysconfig.get_path('stdlib') + '/'\n"
        "files = [getattr(m, '__file__', None) or '' for m in list(sys.modules.values())]\n"
        "print(*(f.removeprefix(root) for f in files if f.startswith(root)))\n"
    )
    (tmp_path / "run.py").write_text(f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{script}")
    output, errors = start(tmp_path / "run.py", tmp_path, folder=tmp_path).communicate(timeout=90)
    loaded = output.splitlines()[-1].split()
    assert "json/__init__.py" in loaded, errors
    assert [name for name in loaded if corpora.module_part(name) != "train"] == []
