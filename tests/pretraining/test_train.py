"""train.py, in processes of its own where a process matters."""

import re
import resource
import shutil
import subprocess
import sys
import sysconfig
from ast import literal_eval
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.pretraining.job import ROOT, STEPS, start, value
from tests.support.waiting import PATIENCE

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")
pytest.importorskip("rustbpe")
pytest.importorskip("tiktoken")

SHORT = 16  # tokens of a window, where only the code is tried
FACTOR = 8  # by which a search may move a constant that lists no choices


@pytest.fixture(scope="session")
def first(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return the folder of a run in its own process, and its output."""
    folder = tmp_path_factory.mktemp("first")
    run = start(ROOT / "train.py", cache, seed=1, folder=folder)
    return folder, run.communicate(timeout=200)[0]


def test_a_run_learns_and_prints_what_it_used(first, prepare):
    folder, output = first
    from pretraining import exported

    blind_guess = 10 / 2.8  # ten bits for one of 1,024 tokens, of which none is so long on average
    model = exported.read(folder / "model.npz", "cpu")
    assert 1 < prepare.evaluate_bpb(model) < blind_guess
    assert "val_bpb" not in output
    assert value("num_steps", output) == str(STEPS)
    assert value("depth", output) == "2"
    assert float(value("total_tokens_M", output)) == pytest.approx(STEPS * 16 * 128 / 1e6, abs=1e-3)
    assert value("mfu_percent", output) == "0.00", "of a CPU nobody knows the peak"
    assert 100 < float(value("peak_vram_mb", output)) < 2000
    assert float(value("training_seconds", output)) < float(value("total_seconds", output))
    assert value("data", output).startswith(f"python-{sysconfig.get_python_version()}")


@pytest.mark.parametrize(("seed", "same"), [(1, True), (0, False)])
def test_the_same_seed_and_steps_give_the_same_model_to_the_last_bit_and_another_seed_another(
    first, train, prepare, tmp_path, monkeypatch, seed, same
):
    for module in (train, prepare):
        monkeypatch.setattr(module, "SEED", seed)
    monkeypatch.setattr(prepare, "STEPS", STEPS)
    main(train, tmp_path, monkeypatch)
    assert (weights(tmp_path) == weights(first[0])) == same


def main(train: ModuleType, folder: Path, patch: pytest.MonkeyPatch, *command: str) -> None:
    """Do in this process what `python train.py` does."""
    patch.chdir(folder)
    patch.setattr(sys, "argv", ["train.py", *command])
    train.main()


def weights(folder: Path) -> dict[str, bytes]:
    with np.load(folder / "model.npz") as file:
        return {name: file[name].tobytes() for name in file}


def test_an_exploding_loss_ends_the_run_at_once_with_a_sentence(tmp_path):
    edited = (ROOT / "train.py").read_text()
    for name, number in (("HEAD_LR", "1e9"), ("SOFTCAP", "0.0")):
        edited, changes = re.subn(rf"^{name} = \S+", f"{name} = {number}", edited, flags=re.M)
        assert changes == 1
    (tmp_path / "train.py").write_text(edited)
    shutil.copy(ROOT / "prepare.py", tmp_path)
    shutil.copytree(ROOT / "pretraining", tmp_path / "pretraining")
    process = start(tmp_path / "train.py", cache=Path("/dev/null/nowhere"), folder=tmp_path)
    output, errors = process.communicate(timeout=PATIENCE)
    assert not (tmp_path / "model.npz").exists()
    assert process.returncode == 1
    assert re.fullmatch(r"The loss exploded: \S+ at step \d+\.\n", errors)
    assert "val_bpb" not in output
    assert "for this run only" in output, "a cache that cannot be written is no obstacle"


def test_a_smoke_test_makes_two_steps_and_leaves_no_model(train, tmp_path, monkeypatch, capsys):
    main(train, tmp_path, monkeypatch, "--smoke")
    assert value("num_steps", capsys.readouterr().out) == "2"
    assert list(tmp_path.iterdir()) == []


def test_training_ends_with_the_time_box(train, prepare, monkeypatch):
    monkeypatch.setattr(prepare, "STEPS", 0)
    monkeypatch.setattr(prepare, "TIME_BOX", 0.5)
    looked: list[float] = []

    class Watched(prepare.Clock):
        def used(self, step: int) -> float:
            looked.append(super().used(step))
            return looked[-1]

    monkeypatch.setattr(train, "Clock", Watched)
    _, seconds = train.train(train.GPT())
    assert seconds >= 0.5
    assert [share >= 1 for share in looked] == [False] * (len(looked) - 1) + [True]


def test_on_a_cpu_the_clock_stands_still_while_others_work(prepare):
    clock, before = prepare.Clock(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    subprocess.run([sys.executable, "-c", "sum(range(10_000_000))"], check=True)
    others = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
    assert clock.kind == "cpu"
    assert clock.elapsed() < others / 2


# ---------------------------------------------------------------- the constants


def candidates() -> Iterator[tuple[str, float]]:
    """Each constant of train.py with each value that a search may give it."""
    lines = (ROOT / "train.py").read_text().splitlines()
    for line in lines:
        if found := re.match(r"([A-Z_]+) = (\S+)  # one of: (.+)", line):
            name, written, choices = found.groups()
            assert written in choices.split(", ")
            yield from ((name, literal_eval(choice)) for choice in choices.split(", "))
        elif found := re.match(r"([A-Z_]+) = ([\d.]+)(?:\s|$)", line):
            name, written = found.groups()
            yield name, float(written) / FACTOR
            yield name, float(written) * FACTOR


@pytest.mark.parametrize("name", sorted({name for name, _ in candidates()}))
def test_a_constant_may_take_every_value_that_a_search_tries(prepare, monkeypatch, name):
    for number in (number for each, number in candidates() if each == name):
        train = written(prepare, monkeypatch, {name: number})
        assert train.train(train.GPT(), smoke=True)[0] == 2, number


@pytest.mark.parametrize("extreme", [min, max])
def test_the_constants_may_all_be_extreme_at_once(prepare, monkeypatch, extreme):
    every: dict[str, list[float]] = {}
    for name, number in candidates():
        every.setdefault(name, []).append(number)
    train = written(prepare, monkeypatch, {n: extreme(numbers) for n, numbers in every.items()})
    assert train.train(train.GPT(), smoke=True)[0] == 2


def written(prepare: ModuleType, patch: pytest.MonkeyPatch, constants: dict) -> ModuleType:
    """train.py with other constants, as a search writes them, and with short windows."""
    text = (ROOT / "train.py").read_text()
    for name, number in constants.items():
        text, changes = re.subn(rf"^{name} = \S+", f"{name} = {number!r}", text, flags=re.M)
        assert changes == 1
    patch.setattr(prepare, "MAX_SEQ_LEN", SHORT)
    module = ModuleType("train")
    exec(compile(text, "train.py", "exec"), module.__dict__)
    return module


def test_a_batch_in_several_passes_teaches_the_same_as_one_in_one(prepare, monkeypatch):
    at_once = {"BATCH_SIZE": 8, "VALUE_LAYERS": 1, "BIGRAMS": 4096}
    after = []
    for rows in (8, 2):
        train: Any = written(prepare, monkeypatch, at_once)
        train.ROWS_AT_ONCE = rows
        torch.manual_seed(0)
        model = train.GPT()
        stream = iter(torch.arange(8 * (SHORT + 1)).view(8 // rows, rows, SHORT + 1))
        pairs = ((each[:, :-1], each[:, 1:]) for each in stream)
        train.learn(model, train.optimisers(model), pairs, train.passes()[0], share=1.0)
        after.append(torch.cat([p.flatten() for p in model.parameters()]))
    assert torch.allclose(*after, atol=1e-4)


@pytest.mark.parametrize("sparse", [True, False])
def test_every_number_of_the_model_is_trained(prepare, monkeypatch, sparse):
    everything = {"VALUE_LAYERS": 1, "BIGRAMS": 4096, "TRIGRAMS": 4096}
    train = written(prepare, monkeypatch, everything)
    model = train.GPT()
    for module in model.modules():
        if isinstance(module, torch.nn.Embedding):
            module.sparse = module.sparse and sparse
    before = [parameter.clone() for parameter in model.parameters()]
    steppers = train.optimisers(model)
    for _ in range(3):  # in the first one, the head lets nothing through
        train.learn(model, steppers, prepare.batches(4), 1, share=1.0)
    moved = [not torch.equal(*each) for each in zip(before, model.parameters(), strict=True)]
    assert all(moved)


def test_rates_stay_and_then_fall_with_the_share_of_the_budget_that_is_used(prepare, monkeypatch):
    schedule = written(prepare, monkeypatch, {"WARMDOWN": 0.5}).schedule
    assert [schedule(used) for used in (0, 0.3, 0.5, 0.75, 1)] == [1, 1, 1, 0.5, 0]


# ---------------------------------------------------------------- the model


def test_a_prediction_depends_on_what_came_before_and_on_nothing_later(random_model):
    tokens = torch.randint(1000, (1, 128))
    changed = tokens.clone()
    changed[0, 60] += 1
    moved = (random_model(changed) - random_model(tokens)).abs().amax(-1)[0]
    assert moved[:60].max() == 0
    assert (moved[60:] > 0).all()
