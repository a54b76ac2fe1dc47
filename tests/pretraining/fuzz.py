"""Calls every operator that an evaluation admits with bad input, and looks for what it must not do.

    python -m tests.pretraining.fuzz --rounds 500 --seed 1

Each operator is called as it should be and then, `rounds` times, with something changed: numbers
and indices out of all bounds, tensors of other sizes, types and strides, arguments left out. That
is done in two processes at the same time, with the same calls. In one the memory around each tensor
and the memory that is free hold another pattern than in the other. An operator fails if

- its process dies;
- the two processes give different results: it read memory that it was not given;
- it changes the memory around a tensor, or the tensor;
- not one of its calls succeeded: then nothing was tried.
"""

# ruff: noqa: T201
import argparse
import hashlib
import json
import os
import random
import resource
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
PAD = 4096  # bytes on either side of a tensor
MEMORY = 2**29  # bytes that a call may ask for
PATTERNS = (85, 171)
BATCH = 500  # operators of a process; each imports PyTorch
INTEGERS = (
    -(2**63), -(2**31) - 1, -(2**31), -129, -5, -2, -1, 0, 1, 2, 3, 4, 5, 7, 64, 2**16 + 1,
    2**31 - 1, 2**31, 2**32 + 1, 2**63 - 1,
)  # fmt: skip
FLOATS = (float("nan"), float("inf"), -float("inf"), 0.0, -1.0, 0.5, 1e-30, 3e38, 1e300)
TYPES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "uint8", "bool")
WORDS = ("none", "tanh", "trunc", "floor", "sum", "amax", "same", "reflect", "ij,jk", "right", "")

# Arguments of a good call, where they do not follow from the schema: F and I are a tensor of real
# and of whole numbers of a shape, the latter below a bound; B is one of truth values.
GOOD = {
    "fill.Tensor": "F(3, 4), F()",
    "addmm": "F(3, 5), F(3, 4), F(4, 5)",
    "addmv": "F(3), F(3, 4), F(4)",
    "baddbmm": "F(2, 3, 5), F(2, 3, 4), F(2, 4, 5)",
    "bmm": "F(2, 3, 4), F(2, 4, 5)",
    "mm": "F(3, 4), F(4, 5)",
    "matmul": "F(2, 3, 4), F(4, 5)",
    "mv": "F(3, 4), F(4)",
    "dot": "F(4), F(4)",
    "outer": "F(4), F(3)",
    "inner": "F(3, 4), F(5, 4)",
    "linear": "F(2, 3, 4), F(5, 4), F(5)",
    "einsum": "'ij,jk->ik', [F(3, 4), F(4, 5)]",
    "tensordot": "F(3, 4), F(4, 5), [1], [0]",
    "adaptive_avg_pool1d": "F(2, 3, 8), [2]",
    "avg_pool1d": "F(2, 3, 8), [3], [1], [1], False, True",
    "avg_pool2d": "F(2, 3, 8, 8), [3, 3], [1, 1], [1, 1], False, True, None",
    "max_pool1d": "F(2, 3, 8), [3], [1], [1], [1], False",
    "max_pool2d": "F(2, 3, 8, 8), [3, 3], [1, 1], [1, 1], [1, 1], False",
    "conv1d": "F(2, 4, 8), F(6, 2, 3), F(6), [1], [1], [1], 2",
    "conv1d.padding": "F(2, 4, 8), F(6, 2, 3), F(6), [1], 'same', [1], 2",
    "conv2d": "F(2, 4, 8, 8), F(6, 2, 3, 3), F(6), [1, 1], [1, 1], [1, 1], 2",
    "conv2d.padding": "F(2, 4, 8, 8), F(6, 2, 3, 3), F(6), [1, 1], 'same', [1, 1], 2",
    "convolution": "F(2, 4, 8), F(6, 2, 3), F(6), [1], [1], [1], False, [0], 2",
    "layer_norm": "F(2, 3, 4), [4], F(4), F(4), 1e-5, False",
    "rms_norm": "F(2, 3, 4), [4], F(4), 1e-5",
    "_fused_rms_norm": "F(2, 3, 4), [4], F(4), 1e-5",
    "group_norm": "F(2, 6, 5), 3, F(6), F(6), 1e-5, False",
    "_native_batch_norm_legit_no_training": "F(2, 3, 5), F(3), F(3), F(3), F(3), 0.1, 1e-5",
    "gru.input": "F(5, 2, 3), F(1, 2, 4), [F(12, 3), F(12, 4), F(12), F(12)], True, 1, 0.0, False,"
    " False, False",
    "lstm.input": "F(2, 5, 3), [F(2, 2, 4), F(2, 2, 4)], [F(16, 3), F(16, 4), F(16), F(16),"
    " F(16, 3), F(16, 4), F(16), F(16)], True, 1, 0.0, False, True, True",
    "rnn_tanh.input": "F(5, 2, 3), F(2, 2, 4), [F(4, 3), F(4, 4), F(4, 4), F(4, 4)], False, 2, 0.0,"
    " False, False, False",
    "rnn_relu.input": "F(5, 2, 3), F(1, 2, 4), [F(4, 3), F(4, 4), F(4), F(4)], True, 1, 0.0, False,"
    " False, False",
    "gru_cell": "F(2, 3), F(2, 4), F(12, 3), F(12, 4), F(12), F(12)",
    "lstm_cell": "F(2, 3), [F(2, 4), F(2, 4)], F(16, 3), F(16, 4), F(16), F(16)",
    "rnn_tanh_cell": "F(2, 3), F(2, 4), F(4, 3), F(4, 4), F(4), F(4)",
    "rnn_relu_cell": "F(2, 3), F(2, 4), F(4, 3), F(4, 4), F(4), F(4)",
    "scaled_dot_product_attention": "F(2, 3, 5, 4), F(2, 3, 6, 4), F(2, 3, 6, 4), F(5, 6), 0.0,"
    " False|F(2, 4, 5, 4), F(2, 2, 6, 4), F(2, 2, 6, 4), None, 0.0, True, None, True"
    "|F(2, 3, 5, 4), F(2, 3, 6, 4), F(2, 3, 6, 4), B(5, 6), 0.0, False",
    "_scaled_dot_product_attention_math": "F(2, 3, 5, 4), F(2, 3, 6, 4), F(2, 3, 6, 4), None, 0.0,"
    " True",
    "_scaled_dot_product_flash_attention_for_cpu": "F(2, 3, 5, 4), F(2, 3, 6, 4), F(2, 3, 6, 4),"
    " 0.0, False|F(2, 3, 5, 4), F(2, 3, 6, 4), F(2, 3, 6, 4), 0.0, False, F(2, 3, 5, 6)"
    "|F(2, 3, 5, 4), F(2, 3, 6, 4), F(2, 3, 6, 4), 0.0, False, F(5, 6)",
    "bucketize.Tensor": "F(3, 4), F(5)",
    "searchsorted.Tensor": "F(5), F(3, 4)",
    "embedding": "F(7, 4), I(7, 2, 3)",
    "gather": "F(3, 4), 1, I(4, 3, 2)",
    "index.Tensor": "F(3, 4), [I(3, 2), I(4, 2)]|F(3, 4), [B(3, 4)]|F(3, 4), [None, I(4, 2, 3)]",
    "index_add": "F(3, 4), 0, I(3, 2), F(2, 4)",
    "index_copy": "F(3, 4), 0, I(3, 2), F(2, 4)",
    "index_fill.int_Scalar": "F(3, 4), 0, I(3, 2), 1.5",
    "index_put": "F(3, 4), [I(3, 2), I(4, 2)], F(2), True|F(3, 4), [B(3, 4)], F()",
    "index_select": "F(3, 4), 1, I(4, 2)",
    "masked_fill.Scalar": "F(3, 4), B(3, 4), 1.5",
    "masked_fill.Tensor": "F(3, 4), B(3, 4), F()",
    "scatter.value": "F(3, 4), 1, I(4, 3, 2), 1.5",
    "scatter.src": "F(3, 4), 1, I(4, 3, 2), F(3, 2)",
    "scatter_add": "F(3, 4), 1, I(4, 3, 2), F(3, 2)",
    "scatter_reduce.two": "F(3, 4), 1, I(4, 3, 2), F(3, 2), 'sum'",
    "take": "F(3, 4), I(12, 5)",
    "take_along_dim": "F(3, 4), I(4, 3, 4), 1",
    "where.self": "B(3, 4), F(3, 4), F(3, 4)",
    "where.Scalar": "B(3, 4), 1.0, 2.0",
    "where.ScalarOther": "B(3, 4), F(3, 4), 2.0",
    "where.ScalarSelf": "B(3, 4), 2.0, F(3, 4)",
    "one_hot": "I(5, 3, 4), 5",
    "broadcast_to": "F(3, 4), [2, 3, 4]",
    "expand": "F(3, 1), [2, 3, 4]",
    "constant_pad_nd": "F(3, 4), [1, 2], 0.5",
    "pad": "F(2, 3, 4), [1, 2], 'reflect', None",
    "permute": "F(3, 4), [1, 0]",
    "movedim.intlist": "F(3, 4), [0], [1]",
    "movedim.int": "F(3, 4), 0, 1",
    "narrow": "F(3, 4), 0, 1, 2",
    "repeat": "F(3, 4), [2, 1, 2]",
    "tile": "F(3, 4), [2, 2]",
    "reshape": "F(3, 4), [2, 6]",
    "view": "F(3, 4), [2, 6]",
    "_unsafe_view": "F(3, 4), [2, 6]",
    "roll": "F(3, 4), [1], [1]",
    "select_scatter": "F(3, 4), F(4), 0, 1",
    "slice.Tensor": "F(3, 9), 1, 1, 8, 2",
    "slice_scatter": "F(3, 9), F(3, 4), 1, 1, 8, 2",
    "split.sizes": "F(3, 4), [1, 3], 1",
    "split_with_sizes": "F(3, 4), [1, 3], 1",
    "stack": "[F(3, 4), F(3, 4)], 1",
    "unflatten.int": "F(3, 4), 1, [2, 2]",
    "unfold": "F(3, 9), 1, 3, 2",
    "unsqueeze": "F(3, 4), 1",
    "transpose.int": "F(3, 4), 0, 1",
    "swapaxes": "F(3, 4), 0, 1",
    "squeeze.dims": "F(3, 1, 4), [1]",
    "diagonal": "F(3, 4), 1, 0, 1",
    "meshgrid": "[F(3), F(4)]",
    "meshgrid.indexing": "[F(3), F(4)], 'ij'",
    "prelu": "F(2, 3, 4), F(3)",
    "mean.dim": "F(3, 4), [1], False",
    "full": "[3, 4], 1.5",
    "new_full": "F(2), [3, 4], 1.5",
    "lerp.Tensor": "F(3, 4), F(3, 4), F(3, 4)",
    "clamp": "F(3, 4), -0.5, 0.5",
    "clamp.Tensor": "F(3, 4), F(3, 4), F(4)",
    "div.Tensor_mode": "F(3, 4), F(3, 4), 'floor'",
    "div.Scalar_mode": "F(3, 4), 2, 'trunc'",
    "sort.stable": "F(3, 4), True, 1, False",
    "argsort.stable": "F(3, 4), True, 1, False",
    "round.decimals": "F(3, 4), 2",
    "contiguous": "F(3, 4)",
    "dropout": "F(3, 4), 0.5, False",
    "gelu": "F(3, 4), 'tanh'",
    "_to_copy": "F(3, 4), {'torch': 'bfloat16'}",
    "to.dtype": "F(3, 4), {'torch': 'int32'}",
    "to.device": "F(3, 4), {'device': 'cpu'}, {'torch': 'float64'}",
    "_softmax": "F(3, 4), 1, False",
    "_log_softmax": "F(3, 4), 1, False",
    "linspace": "0.0, 1.0, 5",
    "logspace": "0.0, 1.0, 5",
}
# Kernels for other machines: a CPU has none.
ELSEWHERE = {
    "_scaled_dot_product_attention_math_for_mps", "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_efficient_attention", "_scaled_dot_product_cudnn_attention",
}  # fmt: skip


def main() -> None:
    """Try all operators, or be one of the processes that do."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pattern", type=int)
    parser.add_argument("names", nargs="*")
    told = parser.parse_args()
    if told.pattern is not None:
        _try_all(told.names, told.rounds, told.seed, told.pattern)
        return
    counts, faults = run(told.rounds, told.seed, told.names)
    print(*faults, sep="\n")
    print(", ".join(f"{number} {what}" for what, number in sorted(counts.items())))
    raise SystemExit(bool(faults))


def run(rounds: int, seed: int, names: list[str] | None = None) -> tuple[Counter[str], list[str]]:
    """Try operators, all by default. Returns what came of the calls, and the faults."""
    names = names or module().operators()
    counts, faults = Counter(operators=len(names)), []
    for at in range(0, len(names), BATCH):
        some = names[at : at + BATCH]
        first, second = _pair(some, rounds, seed)
        faults += list(_faults(first, second))
        for name in (each for each in some if (each, "0") in first):
            said = [text for (each, _), text in first.items() if each == name]
            if all(text.startswith("dies") for text in said[-1:]):
                break  # the others of the batch were not tried
            if not any(text.startswith("value") for text in said) and _short(name) not in ELSEWHERE:
                faults.append(f"{name}: no call succeeded")
            counts.update(text.split()[0] for text in said)
    return counts, faults


def _pair(names: list[str], rounds: int, seed: int) -> list[dict[tuple[str, str], str]]:
    """Return the results of each call in two processes with different memory."""
    processes = []
    for pattern in PATTERNS:
        command = [sys.executable, "-m", "tests.pretraining.fuzz", f"--rounds={rounds}"]
        command += [f"--seed={seed}", f"--pattern={pattern}", *names]
        env = {**os.environ, "MALLOC_PERTURB_": str(pattern), "CUDA_VISIBLE_DEVICES": ""}
        pipe, null = subprocess.PIPE, subprocess.DEVNULL
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=pipe, stderr=null, text=True)
        processes.append(process)
    said = []
    for process in processes:
        lines = [line.split(maxsplit=2) for line in process.communicate()[0].splitlines()]
        said.append({(name, case): text for name, case, text in lines})
        if process.returncode:
            name, case, _ = lines[-1]
            said[-1][name, case] = f"dies ({process.returncode}) of {_call(name, case, seed)}"
    return said


def _faults(first: dict[tuple[str, str], str], second: dict[tuple[str, str], str]) -> Iterator[str]:
    for place in first.keys() | second.keys():
        texts = {first.get(place, "nothing"), second.get(place, "nothing")}
        if len(texts) > 1 or any(text.startswith(("dies", "changes")) for text in texts):
            yield f"{place[0]} call {place[1]}: {' / '.join(sorted(texts))}"


def _call(name: str, case: str, seed: int) -> str:
    return repr(list(_cases(name, int(case), seed))[int(case)])[:600]


# ---------------------------------------------------------------- in a process of its own


def module() -> Any:
    """Import pretraining/exported.py."""
    sys.path.insert(0, str(ROOT))
    from pretraining import exported

    return exported


def _try_all(names: list[str], rounds: int, seed: int, pattern: int) -> None:
    import torch

    exported = module()
    torch.set_num_threads(1)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name in names:
        for case, args in enumerate(_cases(name, rounds, seed)):
            print(name, case, "dies", flush=True)
            print(name, case, _outcome(exported, name, args, pattern))


def _outcome(exported: Any, name: str, args: list[Any], pattern: int) -> str:
    memory = Memory(pattern)
    template = memory.placed(args)
    kept = memory.content()
    expected = exported.operator(name)._schema.arguments
    named = {e.name: t for e, t in zip(expected, template, strict=False) if e.kwarg_only}
    step = {
        "name": "y",
        "do": name,
        "args": template[: len(template) - len(named)],
        "kwargs": {"map": named},
    }
    graph = {"inputs": list(memory.tensors), "steps": [step], "output": {"node": "y"}}
    try:
        exported._check(step, "cpu")
        said = "value " + _digest(exported._run(graph, list(memory.tensors.values())))
    except exported.Unusable:
        said = "refused"
    except Exception as error:  # noqa: BLE001 - any that is one will do
        said = f"error {type(error).__name__}"
    return said if memory.content() == kept else f"changes its input: {args!r}"[:600]


class Memory:
    """Tensors that lie in memory of a known pattern."""

    def __init__(self, pattern: int) -> None:
        self.pattern = pattern
        self.tensors: dict[str, Any] = {}
        self.buffers: list[Any] = []

    def placed(self, value: Any) -> Any:
        """`value` with a node for each description of a tensor."""
        if isinstance(value, list):
            return [self.placed(each) for each in value]
        if not isinstance(value, dict) or "shape" not in value:
            return value
        name = f"t{len(self.tensors)}"
        self.tensors[name] = self._tensor(**value)
        return {"node": name}

    def _tensor(self, shape: list[int], dtype: str, numbers: list[float], how: str) -> Any:
        import torch

        twice = 2 if how == "strided" else 1
        real = dtype.startswith(("float", "bfloat"))
        clean = numbers if real else [_whole(number) for number in numbers]
        values = torch.tensor(clean, dtype=torch.float64 if real else torch.int64)
        values = values.repeat_interleave(twice).to(getattr(torch, dtype))
        buffer = torch.full((2 * PAD + values.nbytes,), self.pattern, dtype=torch.uint8)
        inner = buffer[PAD : PAD + values.nbytes].view(values.dtype)
        inner.copy_(values)
        self.buffers.append(buffer)
        inner = inner[::2] if how == "strided" else inner
        if how == "turned" and shape:
            return inner.reshape(shape[::-1]).permute(*range(len(shape))[::-1])
        return inner.view(shape)

    def content(self) -> list[bytes]:
        """All bytes, those around the tensors included."""
        return [buffer.numpy().tobytes() for buffer in self.buffers]


def _whole(number: float) -> int:
    return int(number) if abs(number) < 2**63 or number == -(2**63) else 1


def _digest(value: Any) -> str:
    import torch

    if isinstance(value, torch.Tensor):
        plain = value.detach().to(torch.float64 if value.is_floating_point() else torch.int64)
        if plain.is_floating_point():
            plain = plain.nan_to_num(0.25, 0.125, -0.125)
        head = f"{list(value.shape)} {value.dtype} {plain.flatten()[:100_000].tolist()}"
        return hashlib.sha256(head.encode()).hexdigest()[:16]
    return hashlib.sha256("".join(map(_digest, value)).encode()).hexdigest()[:16]


# ---------------------------------------------------------------- arguments


def _cases(name: str, rounds: int, seed: int) -> Iterator[list[Any]]:
    """Good arguments of an operator, in several types, and then changed ones."""
    chance = random.Random(f"{seed} {name}")
    good = _good(name, chance)
    yield from good
    for _ in range(rounds):
        args = json.loads(json.dumps(chance.choice(good)))
        for _ in range(chance.choice((1, 1, 2, 3))):
            at = chance.randrange(len(args))
            args[at] = _changed(args[at], chance)
        yield args


def _good(name: str, chance: random.Random) -> list[list[Any]]:
    def tensor(dtype: str, shape: Iterable[int], low: float, high: float) -> dict[str, Any]:
        size = 1
        for each in (shape := list(shape)):
            size *= each
        whole = not dtype.startswith(("float", "bfloat"))
        draw: Any = chance.randrange if whole else chance.uniform
        numbers = [draw(low, high) for _ in range(size)]
        return {"shape": shape, "dtype": dtype, "numbers": numbers, "how": "plain"}

    known = {
        "F": lambda *shape: tensor("float32", shape, -2.0, 2.0),
        "I": lambda high, *shape: tensor("int64", shape, 0, high),
        "B": lambda *shape: tensor("bool", shape, 0, 2),
    }
    if text := GOOD.get(_short(name)):
        return [list(eval(f"[{each}]", known)) for each in text.split("|")]
    makers = known["F"], lambda *shape: known["I"](5, *shape), known["B"]
    return [_by_schema(name, make) for make in makers]


def _by_schema(name: str, make: Any) -> list[Any]:
    args = []
    for argument in module().operator(name)._schema.arguments:
        kind = str(argument.type)
        if argument.has_default_value() and not kind.startswith(("Tensor", "List[Tensor")):
            args.append(argument.default_value)
            continue
        args.append(
            {
                "Tensor": lambda: make(3, 4),
                "Optional[Tensor]": lambda: None,
                "List[Tensor]": lambda: [make(3, 4), make(3, 4)],
                "number": lambda: 2,
                "int": lambda: 1,
                "float": lambda: 0.5,
                "bool": lambda: False,
                "List[int]": lambda: [1],
                "Optional[List[int]]": lambda: [1],
            }.get(kind, lambda: None)()
        )
    return args


def _changed(value: Any, chance: random.Random) -> Any:
    """Something else of the same kind, or of another."""
    pools: dict[str, Any] = {
        "str": WORDS,
        "dict": [{"torch": word} for word in TYPES],
        "bool": (True, False),
        "NoneType": (0, 1, -1, 0.5, 2**31, [0], [1, 1], True),
        "float": FLOATS,
        "int": INTEGERS,
        "list": [[], [0], [-1, 1]],
    }
    if chance.random() < 0.05:
        return None
    if isinstance(value, dict) and "shape" in value:
        return _other_tensor(value, chance)
    if isinstance(value, list) and value:
        return _other_list(value, chance)
    return chance.choice(pools[type(value).__name__])


def _other_list(values: list[Any], chance: random.Random) -> list[Any]:
    at = chance.randrange(len(values))
    match chance.randrange(4):
        case 0:
            return [*values[:at], *values[at + 1 :]]
        case 1:
            return [*values, values[at]]
    return [_changed(each, chance) if place == at else each for place, each in enumerate(values)]


def _other_tensor(told: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    shape, numbers = list(told["shape"]), list(told["numbers"])
    other = {**told}
    match chance.randrange(5):
        case 0:  # one number that is out of bounds
            pool = FLOATS if "float" in told["dtype"] else INTEGERS
            if numbers and told["dtype"] != "bool":
                numbers[chance.randrange(len(numbers))] = chance.choice(pool)
        case 1:  # all of them
            pool = FLOATS if "float" in told["dtype"] else INTEGERS
            if told["dtype"] != "bool":
                numbers = [chance.choice(pool) for _ in numbers]
        case 2:
            return {**told, **_resized(shape, numbers or [0], chance)}
        case 3:
            other["how"] = chance.choice(("strided", "turned"))
        case 4:
            other["dtype"] = chance.choice(TYPES)
    return {**other, "numbers": numbers}


def _resized(shape: list[int], numbers: list[float], chance: random.Random) -> dict[str, Any]:
    match chance.randrange(4):
        case 0 if shape:
            at = chance.randrange(len(shape))
            shape[at] = max(0, shape[at] + chance.choice((-2, -1, 1, 2, 5, -shape[at])))
        case 1:
            shape.insert(chance.randrange(len(shape) + 1), chance.choice((1, 1, 2, 0)))
        case 2 if shape:
            shape.pop(chance.randrange(len(shape)))
        case _:
            shape = [chance.choice((0, 1, 2, 3, 4, 9)) for _ in range(chance.randrange(5))]
    size = 1
    for each in shape:
        size *= each
    return {"shape": shape, "numbers": (numbers * (size // len(numbers) + 1))[:size]}


def _short(name: str) -> str:
    return name.removeprefix("aten.").removesuffix(".default")


if __name__ == "__main__":
    main()
