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
        from pretraining import exported

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
        ("torch.empty_strided((2, 3), (3, 1)) + x.sum()", "empty_strided"),
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
        "aten.segment_reduce.default", "aten.nll_loss_backward.default", "aten.ctc_loss.Tensor",
        "aten.max_pool2d_with_indices_backward.default", "aten.view.dtype", "aten.bincount.default",
        "aten.sparse_csr_tensor.crow_col_value_size", "aten._unsafe_index.Tensor",
        "aten.embedding_bag.default", "aten.grid_sampler_2d.default", "aten.put.default",
    ],
)  # fmt: skip
def test_a_file_may_name_no_other_operator_either(exported, tmp_path, name):
    step = {"name": "y", "do": name, "args": [{"node": "x"}], "kwargs": {}}
    graph = {"inputs": ["x"], "steps": [step], "output": {"node": "y"}}
    forged(tmp_path, {"graph": graph, "inputs": [False], "tensors": []})
    with pytest.raises(exported.Unusable, match="not among the operators"):
        exported.read(tmp_path / "model.npz", "cpu")


def step(name, *args, **kwargs):
    return {"name": "y", "do": f"aten.{name}", "args": list(args), "kwargs": {"map": kwargs}}


X = {"node": "x"}


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        (step("full.default", [X, 2], 1.0), "gets a tensor for its `size`"),
        (step("add.Scalar", X, X), "gets a tensor for its `other`"),
        (step("expand.default", X, [2**20, 2**20, 3]), "out of bounds"),
        (step("slice.Tensor", X, 0, 0, 2**40), "out of bounds"),
        (step("slice.Tensor", X, 0, 0, 2**63 - 1, 2**63 - 1), "out of bounds"),
        (step("unfold.default", X, 1, 2, -(2**62)), "out of bounds"),
        (step("max_pool1d.default", X, [3], [1], [0], [2**20]), "out of bounds"),
        (step("zeros.default", [2], layout={"torch": "sparse_coo"}), "no type"),
        (step("zeros.default", [2], layout=1), "gets a number for its `layout`"),
        (step("zeros.default", [2], dtype=13), "gets a number for its `dtype`"),
        (step("zeros.default", [2], dtype={"torch": "complex64"}), "no type"),
        (step("zeros.default", [2], dtype={"torch": "qint8"}), "no type"),
        (step("zeros.default", [2], device={"device": "meta"}), "a device that is not there"),
        (step("zeros.default", [2], pin_memory=True), "gets a `pin_memory`"),
        (step("searchsorted.Tensor", X, X, sorter=X), "gets a `sorter`"),
    ],
)
def test_what_an_operator_is_given_is_looked_at_before_it_is_called(exported, tmp_path, bad, told):
    graph = {"inputs": ["x"], "steps": [bad], "output": {"node": "y"}}
    forged(tmp_path, {"graph": graph, "inputs": [False], "tensors": []})
    with pytest.raises(exported.Unusable, match=told):
        exported.read(tmp_path / "model.npz", "cpu")


@pytest.mark.parametrize(
    "bad",
    [
        # as many keys as values, weights of a net, a chance, a whole number that has no negative
        step("scaled_dot_product_attention.default", X, X, {"node": "wide"}),
        step("_scaled_dot_product_flash_attention_for_cpu.default", X, X, {"node": "wide"}),
        step("gru.input", X, X, [X], False, 1, 0.0, False, False, False),
        step("dropout.default", X, 0.5, True),
        step("div.Tensor_mode", X, X, rounding_mode="trunc"),
        step("convolution.default", X, X, None, [1], [0], [1], True, [0], 1),
        step("expand.default", {"node": "wide"}, [2**15, 2**16 - 1, -1, -1]),
    ],
)
def test_tensors_whose_sizes_a_kernel_would_believe_are_looked_at_when_it_is_called(
    exported, tmp_path, bad
):
    wide = {"dtype": "int64", "shape": [1, 1, 1, 2]}
    graph = {"inputs": ["wide", "x"], "steps": [bad], "output": {"node": "y"}}
    header = {"graph": graph, "inputs": [True, False], "tensors": [wide]}
    forged(tmp_path, header, t0=np.zeros(16, np.uint8))
    model = exported.read(tmp_path / "model.npz", "cpu")
    with pytest.raises(exported.Unusable, match=r"sizes do not fit|too large"):
        model(TOKENS.view(1, 1, 2, 3))


def test_a_truth_value_in_a_file_is_0_or_1_whatever_its_byte_says(exported, tmp_path):
    told = {"dtype": "bool", "shape": [3]}
    steps = [step("sum.default", {"node": "w"})]
    graph = {"inputs": ["w", "x"], "steps": steps, "output": {"node": "y"}}
    header = {"graph": graph, "inputs": [True, False], "tensors": [told]}
    forged(tmp_path, header, t0=np.array([0, 1, 255], np.uint8))
    assert exported.read(tmp_path / "model.npz", "cpu")(TOKENS) == 2


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


def forged(folder: Path, header: object, **weights: object) -> None:
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    np.savez(folder / "model.npz", header=text, **weights)
