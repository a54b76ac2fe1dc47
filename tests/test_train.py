"""The default job: train.py and prepare.py, in processes of their own where a process matters."""

import math
import os
import re
import resource
import subprocess
import sys
import sysconfig
from ast import literal_eval
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from autoresearch_graph.program import read

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")
pytest.importorskip("rustbpe")
pytest.importorskip("tiktoken")

ROOT = Path(__file__).parent.parent
STEPS = 12
SHORT = 16  # tokens of a window, where only the code is tried
FACTOR = 8  # by which a search may move a constant that lists no choices


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def prepare(cache: Path) -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTORESEARCH_CACHE", str(cache))
        patch.setenv("CUDA_VISIBLE_DEVICES", "")
        patch.syspath_prepend(ROOT)
        import prepare

        torch.set_num_threads(1)
        yield prepare


@pytest.fixture(scope="session")
def train(prepare: ModuleType) -> ModuleType:
    import train

    return train


@pytest.fixture(scope="session")
def runs(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, str]]:
    """What three runs at the same time leave and print: two of one seed, one of another."""
    seeds = {"first": 0, "again": 0, "other": 1}
    folders = {name: tmp_path_factory.mktemp(name) for name in seeds}
    started = {
        name: start(ROOT / "train.py", cache, seed=seed, folder=folders[name])
        for name, seed in seeds.items()
    }
    return {name: (folders[name], run.communicate(timeout=200)[0]) for name, run in started.items()}


def start(
    script: Path, cache: Path, *command: str, seed: int = 0, folder: Path = ROOT
) -> subprocess.Popen[str]:
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env |= {"AUTORESEARCH_CACHE": str(cache), "CUDA_VISIBLE_DEVICES": ""}
    env |= {"AUTORESEARCH_SEED": str(seed), "AUTORESEARCH_STEPS": str(STEPS)}
    pipe = subprocess.PIPE
    argv = [sys.executable, str(script), *command]
    return subprocess.Popen(argv, cwd=folder, env=env, stdout=pipe, stderr=pipe, text=True)


def value(name: str, output: str) -> str:
    found = re.search(rf"^{name}: (\S+)$", output, re.MULTILINE)
    assert found, output
    return found[1]


# ---------------------------------------------------------------- a run


@pytest.mark.timeout(240)
def test_a_run_learns_and_prints_what_it_used(runs, cache):
    folder, output = runs["first"]
    scorer = start(ROOT / "prepare.py", cache, "evaluate", folder=folder)
    blind_guess = 10 / 2.8  # ten bits for one of 1,024 tokens, of which none is so long on average
    assert 1 < float(value("val_bpb", scorer.communicate(timeout=90)[0])) < blind_guess
    assert "val_bpb" not in output
    assert value("num_steps", output) == str(STEPS)
    assert value("depth", output) == "2"
    assert float(value("total_tokens_M", output)) == pytest.approx(STEPS * 16 * 128 / 1e6, abs=1e-3)
    assert value("mfu_percent", output) == "0.00", "of a CPU nobody knows the peak"
    assert 100 < float(value("peak_vram_mb", output)) < 2000
    assert float(value("training_seconds", output)) < float(value("total_seconds", output))
    assert value("data", output).startswith(f"python-{sysconfig.get_python_version()}")


@pytest.mark.timeout(240)
def test_the_same_seed_and_steps_give_the_same_model_to_the_last_bit_and_another_seed_another(runs):
    first, again, other = (weights(runs[name][0]) for name in ("first", "again", "other"))
    assert first == again
    assert first != other


def weights(folder: Path) -> dict[str, bytes]:
    with np.load(folder / "model.npz") as file:
        return {name: file[name].tobytes() for name in file}


def test_an_exploding_loss_ends_the_run_at_once_with_a_sentence(tmp_path):
    edited = (ROOT / "train.py").read_text()
    for name, number in (("HEAD_LR", "1e9"), ("SOFTCAP", "0.0")):
        edited, changes = re.subn(rf"^{name} = \S+", f"{name} = {number}", edited, flags=re.M)
        assert changes == 1
    (tmp_path / "train.py").write_text(edited)
    for name in ("prepare.py", "corpora.py", "exported.py"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    process = start(tmp_path / "train.py", cache=Path("/dev/null/nowhere"), folder=tmp_path)
    output, errors = process.communicate(timeout=60)
    assert not (tmp_path / "model.npz").exists()
    assert process.returncode == 1
    assert re.fullmatch(r"The loss exploded: \S+ at step \d+\.\n", errors)
    assert "val_bpb" not in output
    assert "for this run only" in output, "a cache that cannot be written is no obstacle"


def test_a_smoke_test_makes_two_steps_and_leaves_no_model(cache, tmp_path):
    process = start(ROOT / "train.py", cache, "--smoke", folder=tmp_path)
    assert value("num_steps", process.communicate(timeout=60)[0]) == "2"
    assert process.returncode == 0
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
        train = written(prepare, monkeypatch, at_once)
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


def random_model(train: ModuleType) -> "torch.nn.Module":
    """A model with all parts, of which each matters: a fresh one starts as the identity."""
    torch.manual_seed(0)
    with pytest.MonkeyPatch.context() as patch:
        for name, number in (("VALUE_LAYERS", 1), ("BIGRAMS", 4096), ("TRIGRAMS", 4096)):
            patch.setattr(train, name, number)
        model = train.GPT()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return model


def test_a_prediction_depends_on_what_came_before_and_on_nothing_later(train):
    model = random_model(train)
    tokens = torch.randint(1000, (1, 128))
    changed = tokens.clone()
    changed[0, 60] += 1
    moved = (model(changed) - model(tokens)).abs().amax(-1)[0]
    assert moved[:60].max() == 0
    assert (moved[60:] > 0).all()


# ---------------------------------------------------------------- the evaluation


@pytest.fixture(scope="session")
def text(prepare: ModuleType):
    return prepare.held_out("validation")


def test_a_model_that_looks_ahead_is_refused(train, prepare, text, monkeypatch):
    attention = torch.nn.functional.scaled_dot_product_attention
    monkeypatch.setattr(
        train.F, "scaled_dot_product_attention", lambda q, k, v, is_causal: attention(q, k, v)
    )
    with pytest.raises(SystemExit, match="looks ahead"):
        prepare.bits_per_byte(random_model(train), text)


class Peeking(torch.nn.Module):
    """Knows nothing but the next token, and tells it in one row of fifty by a small margin."""

    def forward(self, tokens):
        logits = torch.zeros(*tokens.shape, 1024)
        following = torch.nn.functional.one_hot(tokens.roll(-1, 1), 1024)
        return logits + 0.05 * following * (tokens[:, :1] % 50 == 7)[..., None]


class Gossiping(torch.nn.Module):
    """Makes likely what the other rows of the batch hold."""

    def forward(self, tokens):
        known = torch.nn.functional.one_hot(tokens, 1024).sum((0, 1)).float()
        return known.log1p().expand(*tokens.shape, -1)


@pytest.mark.parametrize("model", [Peeking(), Gossiping()])
def test_looking_ahead_a_little_or_at_other_rows_is_refused_too(prepare, text, model):
    with pytest.raises(SystemExit, match="looks ahead"):
        prepare.bits_per_byte(model, text)


def test_a_model_that_knows_nothing_needs_ten_bits_for_each_token(prepare, text):
    step = (len(text.tokens) - 129) / (prepare.EVAL_WINDOWS - 1)
    known = prepare.corpus().tokens
    targets = [
        int(token)
        for window in range(prepare.EVAL_WINDOWS)
        for token in text.tokens[int(window * step + 1e-9) + 1 :][:128]
    ]
    tokens = [known[target] for target in targets if target != prepare.OPENING]
    expected = len(tokens) * math.log(1024) / (math.log(2) * len(b"".join(tokens)))
    guess = prepare.bits_per_byte(Fixed(torch.zeros(1024)), text)
    assert guess.mean() == pytest.approx(expected, 1e-6)
    assert len(guess) == prepare.EVAL_WINDOWS


def test_a_token_without_bytes_costs_nothing_and_counts_nothing(prepare, text):
    logits = torch.zeros(1024)
    logits[prepare.OPENING] = -1e4  # all others stay as likely as before
    without = 1023 / 1024
    guess = prepare.bits_per_byte(Fixed(torch.zeros(1024)), text).mean()
    expected = guess * math.log(1024 * without) / math.log(1024)
    assert prepare.bits_per_byte(Fixed(logits), text).mean() == pytest.approx(expected, 1e-6)


def test_logits_that_are_not_finite_are_no_result(prepare, text):
    for number in (math.nan, math.inf, -math.inf):
        logits = torch.zeros(1024)
        logits[5] = number
        with pytest.raises(SystemExit, match="not finite"):
            prepare.bits_per_byte(Fixed(logits), text)


@pytest.mark.parametrize("logits", [torch.zeros(1023), torch.zeros(1024, dtype=torch.long)])
def test_logits_of_another_shape_or_type_are_no_result(prepare, text, logits):
    with pytest.raises(SystemExit, match="no logits"):
        prepare.bits_per_byte(Fixed(logits), text)


def test_the_evaluation_gives_what_the_run_itself_would_measure(
    train, prepare, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    model = random_model(train)
    own = prepare.evaluate_bpb(model)
    prepare.hand_over(model)
    done, _ = start(ROOT / "prepare.py", tmp_path, "evaluate", folder=tmp_path).communicate()
    assert float(value("val_bpb", done)) == pytest.approx(own, abs=2e-6)
    items = literal_eval(done.split("val_bpb_items: ")[1].split("\n")[0])
    assert sum(items) / len(items) == pytest.approx(own, abs=1e-5)


def test_a_model_that_cannot_be_traced_ends_the_run_with_a_sentence(prepare, tmp_path, monkeypatch):
    class Deciding(torch.nn.Module):
        def forward(self, tokens):
            if tokens.float().mean().item() > 3:
                return torch.zeros(*tokens.shape, 1024)
            return torch.ones(*tokens.shape, 1024)

    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=r"cannot be handed over: torch\.export cannot trace it"):
        prepare.hand_over(Deciding())
    assert prepare.evaluate_bpb(Deciding()) > 3


class Fixed(torch.nn.Module):
    """A model that says the same whatever it reads."""

    def __init__(self, logits):
        super().__init__()
        self.logits = logits

    def forward(self, tokens):
        return self.logits.expand(*tokens.shape, -1)


# ---------------------------------------------------------------- the text


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
    third, _ = start(ROOT / "prepare.py", tmp_path / "new").communicate(timeout=60)
    assert third in outputs[0]
    assert third in outputs[1]
    assert "prepared" in outputs[0] + outputs[1]
    assert "prepared" not in third
    assert [folder.name for folder in (tmp_path / "new").iterdir()] == [value("data", third)]


# ---------------------------------------------------------------- what is hidden


def test_program_md_hides_all_text_that_is_measured_with(prepare):
    program = read(ROOT / "program.md", project=ROOT)
    held_out = {path for paths in prepare.corpora.HELD_OUT.values() for path in paths}
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
    assert [name for name in loaded if prepare.corpora.module_part(name) != "train"] == []
