"""A model handed over as operators: what is written is read, and a stranger's file is safe."""

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

torch = pytest.importorskip("torch")
np = pytest.importorskip("numpy")

ROOT = Path(__file__).parent.parent.parent
TOKENS = torch.tensor([[1, 2, 3], [4, 5, 6]])


@pytest.fixture(scope="module")
def exported() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        import exported

        yield exported


class Model(torch.nn.Module):
    """Tables, buffers, constants, lists of tensors, and half the numbers in bfloat16."""

    def __init__(self):
        super().__init__()
        self.table = torch.nn.Embedding(10, 8)
        self.head = torch.nn.Linear(8, 10, dtype=torch.bfloat16)
        self.register_buffer("scale", torch.tensor(2.0), persistent=False)

    def forward(self, tokens):
        first, second = self.table(tokens).split(4, dim=-1)
        joined = torch.cat([second, first], -1) * self.scale
        masked = joined.masked_fill(joined < 0, -float("inf")).softmax(-1)
        with torch.autocast("cpu", torch.bfloat16):
            logits = self.head(masked)
        return logits.float() + torch.arange(10)


def test_what_is_read_says_the_same_as_what_was_written(exported, tmp_path):
    model = Model()
    exported.write(model, TOKENS, tmp_path / "model.npz")
    again = exported.read(tmp_path / "model.npz", "cpu")
    other = TOKENS.flip(0)
    with torch.no_grad():
        assert torch.equal(again(other), model(other))


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("torch.rand_like(x)", "aten.rand_like.default"),
        ("torch.from_file('/etc/passwd', size=8, dtype=torch.uint8).sum() + x", "from_file"),
        ("torch.as_strided(x, (2, 99), (0, 1), 0)", "as_strided"),
        ("torch.empty_like(x)", "empty_like"),
        ("x if x.sum().item() > 0 else -x", "cannot trace it"),
    ],
)
def test_an_operator_that_is_not_a_function_of_its_input_is_refused(
    exported, tmp_path, expression, told
):
    class Trick(torch.nn.Module):
        def forward(self, tokens):
            return eval(expression, {"torch": torch, "x": tokens.float()})

    with pytest.raises(exported.Unusable, match=told):
        exported.write(Trick(), TOKENS, tmp_path / "model.npz")


@pytest.mark.parametrize(
    "kernel",
    ["flash_attention", "efficient_attention", "cudnn_attention", "attention_math_for_mps"],
)
def test_attention_may_be_what_an_accelerator_makes_of_it(exported, kernel):
    name = f"aten._scaled_dot_product_{kernel}.default"
    assert exported.operator(name).name() == name.replace("aten.", "aten::").removesuffix(
        ".default"
    )


def test_a_model_that_remembers_what_it_saw_is_refused(exported, tmp_path):
    class Remembering(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("seen", torch.zeros(3))

        def forward(self, tokens):
            self.seen.add_(tokens.float().sum(0))
            return self.seen + tokens

    with pytest.raises(exported.Unusable, match="changes itself"):
        exported.write(Remembering(), TOKENS, tmp_path / "model.npz")


@pytest.mark.parametrize(
    "name",
    [
        "aten.add_.Tensor", "aten.from_file.default", "aten.__class__.mro",
        "aten.empty.memory_format",
        "aten.relu", "torch.os.system", "os.system", "aten.rand.default", "prim.Print.default",
        "aten._no_such.default", "aten.set_.source_Tensor", "aten.name.upper",
        "aten.save.default", "aten.manual_seed.default",
    ],
)  # fmt: skip
def test_a_file_may_name_no_other_operator_either(exported, tmp_path, name):
    step = {"name": "y", "do": name, "args": [{"node": "x"}], "kwargs": {}}
    graph = {"inputs": ["x"], "steps": [step], "output": {"node": "y"}}
    forged(tmp_path, {"graph": graph, "inputs": [False], "tensors": []})
    with pytest.raises(exported.Unusable, match="not among the operators"):
        exported.read(tmp_path / "model.npz", "cpu")


def test_nothing_in_a_file_is_unpickled(exported, tmp_path):
    np.savez(tmp_path / "model.npz", header=np.array([Bomb(tmp_path)], dtype=object))
    with pytest.raises(exported.Unusable, match="not what train"):
        exported.read(tmp_path / "model.npz", "cpu")
    (tmp_path / "model.npz").write_bytes(pickle.dumps(Bomb(tmp_path)))
    with pytest.raises(exported.Unusable, match="not what train"):
        exported.read(tmp_path / "model.npz", "cpu")
    assert not (tmp_path / "exploded").exists()


class Bomb:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self):
        return (Path.touch, (self.folder / "exploded",))


@pytest.mark.parametrize(
    "header",
    [
        {},
        [],
        {"graph": {}, "inputs": [True, False], "tensors": []},
        {"graph": {"steps": []}, "inputs": [False, False], "tensors": []},
        {"graph": {"steps": [{"do": 7}]}, "inputs": [False], "tensors": []},
    ],
)
def test_a_file_that_makes_no_sense_is_refused_with_a_sentence(exported, tmp_path, header):
    forged(tmp_path, header)
    with pytest.raises(exported.Unusable):
        exported.read(tmp_path / "model.npz", "cpu")


def forged(folder: Path, header: object) -> None:
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(folder / "model.npz", header=text)
