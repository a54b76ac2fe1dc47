"""A trained model as a graph of PyTorch operators: written by a run, read by its evaluation.

`write` traces the model with torch.export and keeps two things: which operators follow each other,
as JSON, and the weights, as raw numbers. `read` gives a module that does these operators one after
the other. Nothing is unpickled, evaluated or imported on the way, as it is by torch.export.load,
which is not for the files of strangers: the code of the model is not there any more.

An operator must be on a list of names: what torch.export makes of ordinary language models, forward
operators that check their indices and draw no chance. Lists, numbers and types that come with an
operator are checked when the file is read; sizes that a kernel takes on trust, when it is called.
tests/pretraining/fuzz.py calls every operator of the list with bad input.

`Apart` runs a model in separate processes, started from this file. They get the tokens of one batch
at a time and return logits. On Linux with a CPU they can open no file and start
no process after they have read the model.

Not covered: mistakes in the operators that are left; they would give their author what a process
apart may still do, which is to send signals and to use up time and memory: there is no filter of
system calls. Files and processes on an accelerator, whose driver needs them, and outside Linux. A
graph that needs more memory or time than there is; the box of the evaluation is there for that.
"""

import contextlib
import ctypes
import json
import math
import mmap
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn

Json = dict[str, Any]

_LARGEST = 2**24  # bytes of JSON
_TOLD = 300  # characters of an error that are shown
_NUMBERS = 2**31 - 1  # in a tensor at most: kernels and BLAS count with 32 bits
_WINDOW = 2**16  # steps of a convolution or a pool at most: beyond, kernels overflow
_END = 2**63 - 1  # the end of a slice that has none, as torch.export writes it
_CHECKS = re.compile(r"aten\._assert|aten\.sym_constrain")

# Names without an overload mean `default`. A name that this PyTorch does not know does no harm.
_OPERATORS = frozenset(
    """
    abs acos acosh asin asinh atan atan2 atanh ceil celu cos cosh elu erf erfc erfinv exp exp2
    expm1 floor frac gelu glu hardshrink hardsigmoid hardswish hardtanh hypot leaky_relu lgamma
    log log10 log1p log2 log_sigmoid logaddexp logaddexp2 logit maximum minimum mish nan_to_num
    neg positive prelu reciprocal relu relu6 round round.decimals rsqrt selu sgn sigmoid sign
    silu sin sinc sinh softplus softshrink special_expit sqrt square tan tanh threshold trunc
    xlogy.Tensor fmax fmin add.Tensor add.Scalar sub.Tensor sub.Scalar rsub.Tensor rsub.Scalar
    mul.Tensor mul.Scalar div.Tensor div.Scalar div.Tensor_mode div.Scalar_mode floor_divide
    floor_divide.Scalar fmod.Tensor fmod.Scalar remainder.Tensor remainder.Scalar
    remainder.Scalar_Tensor addcmul addcdiv pow.Tensor_Tensor pow.Tensor_Scalar pow.Scalar
    lerp.Tensor lerp.Scalar clamp clamp.Tensor clamp_min clamp_min.Tensor clamp_max
    clamp_max.Tensor dropout

    eq.Tensor eq.Scalar ne.Tensor ne.Scalar lt.Tensor lt.Scalar le.Tensor le.Scalar gt.Tensor
    gt.Scalar ge.Tensor ge.Scalar isclose isfinite isinf isnan logical_and logical_or
    logical_xor logical_not bitwise_not bitwise_and.Tensor bitwise_and.Scalar bitwise_or.Tensor
    bitwise_or.Scalar bitwise_xor.Tensor bitwise_xor.Scalar bitwise_left_shift.Tensor
    bitwise_left_shift.Tensor_Scalar bitwise_right_shift.Tensor
    bitwise_right_shift.Tensor_Scalar __and__.Tensor __and__.Scalar __or__.Tensor __or__.Scalar
    __xor__.Tensor __xor__.Scalar __lshift__.Tensor __lshift__.Scalar __rshift__.Tensor
    __rshift__.Scalar where.self where.ScalarOther where.ScalarSelf where.Scalar

    all all.dim all.dims any any.dim any.dims amax amin aminmax argmax argmin argsort
    argsort.stable count_nonzero count_nonzero.dim_IntList cummax cummin cumprod cumsum diff
    kthvalue linalg_vector_norm logcumsumexp logsumexp max max.dim max.other mean mean.dim
    median median.dim min min.dim min.other msort norm.Scalar norm.ScalarOpt_dim prod
    prod.dim_int sort sort.stable std std.dim std.correction sum sum.dim_IntList topk var
    var.dim var.correction var_mean var_mean.dim var_mean.correction softmax.int log_softmax.int
    _softmax _log_softmax _safe_softmax

    addmm addmv baddbmm bmm cosine_similarity dot einsum inner linear matmul mm mv outer
    tensordot

    alias block_diag broadcast_tensors broadcast_to cat chunk clone concat constant_pad_nd
    contiguous copy detach diagonal expand expand_as flatten.using_ints flip hstack
    lift_fresh_copy meshgrid meshgrid.indexing movedim.int movedim.intlist narrow pad permute
    repeat repeat_interleave.self_int reshape roll select.int select_scatter slice.Tensor
    slice_scatter split.Tensor split.sizes split_with_sizes squeeze squeeze.dim squeeze.dims
    stack swapaxes t tile transpose.int tril triu unbind.int unflatten.int unfold unsqueeze view
    _unsafe_view vstack to.dtype to.dtype_layout to.device to.other type_as _to_copy

    arange arange.start arange.start_step eye eye.m fill.Scalar fill.Tensor full full_like linspace
    logspace new_full new_ones new_zeros one_hot ones ones_like scalar_tensor zeros zeros_like

    bucketize.Tensor embedding gather index.Tensor index_add index_copy index_fill.int_Scalar
    index_put index_select masked_fill.Scalar masked_fill.Tensor scatter.value scatter.src
    scatter_add scatter_reduce.two searchsorted.Tensor take take_along_dim

    adaptive_avg_pool1d avg_pool1d avg_pool2d max_pool1d max_pool2d conv1d conv1d.padding conv2d
    conv2d.padding convolution layer_norm group_norm rms_norm _fused_rms_norm
    _native_batch_norm_legit_no_training gru.input lstm.input rnn_tanh.input rnn_relu.input
    gru_cell lstm_cell rnn_tanh_cell rnn_relu_cell scaled_dot_product_attention
    _scaled_dot_product_attention_math _scaled_dot_product_attention_math_for_mps
    _scaled_dot_product_flash_attention _scaled_dot_product_flash_attention_for_cpu
    _scaled_dot_product_efficient_attention _scaled_dot_product_cudnn_attention
    """.split()  # noqa: SIM905 - a list of strings would be three times as long
)

# Memory that nobody wrote is zero here: an honest model overwrites it, and no other may see it.
_ZEROED = {
    "aten.empty.memory_format": "aten.zeros.default",
    "aten.empty_like.default": "aten.zeros_like.default",
    "aten.new_empty.default": "aten.new_zeros.default",
}

_TYPES = ("dtype", "layout", "memory_format")  # arguments that PyTorch takes as numbers, too
_WORDS = {
    "torch.float64", "torch.float32", "torch.float16", "torch.bfloat16", "torch.int64",
    "torch.int32", "torch.int16", "torch.int8", "torch.uint8", "torch.bool",
    "torch.strided", "torch.contiguous_format", "torch.preserve_format",
}  # fmt: skip


class Unusable(Exception):
    """A model that cannot be written, or a file that cannot be read. The message has the reason."""


# ---------------------------------------------------------------- writing


def write(model: nn.Module, example: Tensor, path: Path) -> None:
    """Write `model` as a graph for tensors of the shape, type and device of `example`."""
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch.export about itself
            traced = torch.export.export(model.eval(), (example,), strict=False)
            program = traced.run_decompositions({})
    except Exception as error:
        reason = str(error).strip().split("\n")[0][:_TOLD]
        raise Unusable(f"torch.export cannot trace it: {type(error).__name__}: {reason}") from error
    weights: dict[str, Tensor] = {**program.state_dict, **program.constants}
    specs = program.graph_signature.input_specs
    inputs = [weights[spec.target] if spec.target else None for spec in specs]
    if any(spec.kind.name not in ("USER_OUTPUT",) for spec in program.graph_signature.output_specs):
        raise Unusable("it changes itself while it predicts")
    tensors = [tensor.detach().cpu().contiguous() for tensor in inputs if tensor is not None]
    graph = _graph(program.graph_module)
    for step in _steps(graph):
        _check(step, example.device.type)
    header = {
        "graph": graph,
        "inputs": [tensor is not None for tensor in inputs],
        "tensors": [{"dtype": _word(t.dtype), "shape": list(t.shape)} for t in tensors],
    }
    arrays = {f"t{at}": t.flatten().view(torch.uint8).numpy() for at, t in enumerate(tensors)}
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with path.open("wb") as file:
        np.savez(file, header=text, **arrays)


def _graph(module: fx.GraphModule) -> Json:
    """Return inputs, steps and output of a graph, without the checks of shapes."""
    graph: Json = {"inputs": [], "steps": [], "output": None}
    blocks: dict[str, fx.GraphModule] = {}
    for node in module.graph.nodes:
        if node.op == "placeholder":
            graph["inputs"].append(node.name)
        elif node.op == "get_attr":
            blocks[node.name] = getattr(module, str(node.target))
        elif node.op == "output":
            graph["output"] = _written(node.args[0])
        elif not _CHECKS.match(str(node.target)):
            graph["steps"].append({"name": node.name, **_step(node, blocks)})
    return graph


def _step(node: fx.Node, blocks: dict[str, fx.GraphModule]) -> Json:
    name = str(node.target) if isinstance(node.target, torch._ops.OpOverload) else _name(node)
    if name == "wrap_with_autocast":
        device, dtype, enabled, _, block, *args = node.args
        told = {"device": device, "dtype": _written(dtype), "enabled": enabled}
        return {"autocast": told, "args": _written(args), "graph": _graph(blocks[block.name])}
    if name == "wrap_with_set_grad_enabled":
        return {"args": _written(node.args[2:]), "graph": _graph(blocks[node.args[1].name])}
    named = {key: value for key, value in node.kwargs.items() if key != "memory_format"}
    kwargs = named if name in _ZEROED else dict(node.kwargs)
    return {"do": _ZEROED.get(name, name), "args": _written(node.args), "kwargs": _written(kwargs)}


def _name(node: fx.Node) -> str:
    return getattr(node.target, "__name__", str(node.target))


def _written(value: Any) -> Any:
    match value:
        case fx.Node():
            return {"node": value.name}
        case list() | tuple():
            return [_written(each) for each in value]
        case dict():
            return {"map": {str(key): _written(each) for key, each in value.items()}}
        case torch.dtype() | torch.memory_format() | torch.layout():
            return {"torch": _word(value)}
        case torch.device():
            return {"device": value.type}
        case None | bool() | int() | float() | str():
            return value
    raise Unusable(f"it uses a {type(value).__name__} where a number or a tensor is expected")


def _word(value: object) -> str:
    return str(value).removeprefix("torch.")


# ---------------------------------------------------------------- reading


def read(path: Path, device: str) -> nn.Module:
    """Read a model. Raise Unusable for a file that `write` did not write."""
    try:
        with np.load(path, allow_pickle=False) as file:
            text = file["header"].tobytes()
            if len(text) > _LARGEST:
                raise Unusable("its graph is too large")
            header = json.loads(text)
            given = header["inputs"]
            numbers = [file[f"t{at}"] for at in range(sum(given))]
        tensors = [_tensor(*each, device) for each in zip(numbers, header["tensors"], strict=True)]
        return Exported(header["graph"], given, tensors, device)
    except Unusable:
        raise
    except Exception as error:
        raise Unusable(f"{path.name} is not what train.py has to hand over: {error}") from error


def _tensor(numbers: np.ndarray, told: Json, device: str) -> Tensor:
    raw = torch.from_numpy(numbers.copy())
    dtype = _typed(told["dtype"])
    if raw.dtype != torch.uint8 or not isinstance(dtype, torch.dtype):
        raise Unusable("its weights are not numbers")
    # Kernels count on it that a truth value is 0 or 1.
    tensor = raw.ne(0) if dtype == torch.bool else raw.view(dtype)
    return _bounded(tensor.reshape(told["shape"]).to(device))


class Exported(nn.Module):
    """A model that was read. No call changes its weights."""

    def __init__(self, graph: Json, given: list[bool], tensors: list[Tensor], device: str) -> None:
        super().__init__()
        self.graph, self.given, self.tensors = graph, given, tensors
        if given.count(False) != 1:
            raise Unusable("it takes more than the tokens")
        for step in _steps(graph):
            _check(step, device)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the logits of the written model for these tokens.

        No operator of the list writes into its input or draws numbers. Should one do so after all,
        it finds each call as it found the first: weights and numbers are each call's own.
        """
        torch.manual_seed(0)
        weights = (tensor.clone() for tensor in self.tensors)
        said = _run(self.graph, [next(weights) if given else tokens for given in self.given])
        return said[0] if isinstance(said, list) else said


def operator(name: str) -> torch._ops.OpOverload:
    """Return the operator of that name. Raise Unusable if it is not on the list."""
    found = re.fullmatch(r"aten\.(\w+)\.(\w+)", name)
    short = name.removeprefix("aten.").removesuffix(".default")
    if found and short in _OPERATORS:
        overload = getattr(getattr(torch.ops.aten, found[1], None), found[2], None)
        if isinstance(overload, torch._ops.OpOverload) and not overload._schema.is_mutable:
            return overload
    raise Unusable(
        f"it uses `{name[:_TOLD]}`, which is not among the operators that an evaluation runs"
    )


def operators() -> list[str]:
    """Return the names of all listed operators that this PyTorch knows."""
    names = (f"aten.{name}" if "." in name else f"aten.{name}.default" for name in _OPERATORS)
    known = []
    for name in sorted(names):
        with contextlib.suppress(Unusable):
            operator(name)
            known.append(name)
    return known


def _steps(graph: Json) -> Iterator[Json]:
    for step in graph["steps"]:
        yield step
        yield from _steps(step["graph"]) if "graph" in step else ()


def _run(graph: Json, given: list[Any]) -> Any:
    values = dict(zip(graph["inputs"], given, strict=True))
    for step in graph["steps"]:
        args = _read(step["args"], values)
        if told := step.get("autocast"):
            dtype, enabled = _read(told["dtype"], {}), bool(told["enabled"])
            with torch.autocast(str(told["device"]), dtype, enabled=enabled):
                values[step["name"]] = _run(step["graph"], args)
        elif "graph" in step:
            values[step["name"]] = _run(step["graph"], args)
        elif step["do"] == "getitem":
            values[step["name"]] = args[0][int(args[1])]
        else:
            values[step["name"]] = call(step["do"], args, _read(step["kwargs"], values))
    return _read(graph["output"], values)


def _read(value: Any, values: dict[str, Any]) -> Any:
    match value:
        case list():
            return [_read(each, values) for each in value]
        case {"node": name}:
            return values[name]
        case {"map": entries}:
            return {str(key): _read(each, values) for key, each in entries.items()}
        case {"torch": word}:
            return _typed(word)
        case {"device": device}:
            return torch.device(device)
    return value


def _typed(word: str) -> Any:
    if f"torch.{word}" not in _WORDS:
        raise Unusable(f"it has a `{str(word)[:_TOLD]}`, which is no type that an evaluation knows")
    return getattr(torch, word)


# ---------------------------------------------------------------- what an operator may be given


def _check(step: Json, device: str) -> None:
    """Refuse a step whose operator is not on the list or whose fixed arguments are out of bounds.

    A tensor may only stand where the operator takes one. Elsewhere PyTorch would read the number in
    it, and sizes would depend on the text.
    """
    if "graph" in step or step["do"] == "getitem":
        return
    overload = operator(step["do"])
    kwargs = step["kwargs"]["map"]
    for at, expected in enumerate(overload._schema.arguments):
        positional = at < len(step["args"]) and not expected.kwarg_only
        given = step["args"][at] if positional else kwargs.get(expected.name)
        _check_argument(step["do"], expected, given, device)
    for name in ("sorter", "out", "pin_memory"):
        if kwargs.get(name):
            raise Unusable(f"`{step['do']}` gets a `{name}`")


def _check_argument(name: str, expected: Any, given: Any, device: str) -> None:
    """Refuse one argument of a step that is of the wrong kind or out of bounds."""
    kind = str(expected.type)
    if "Tensor" not in kind and any("node" in each for each in _maps(given)):
        raise Unusable(f"`{name}` gets a tensor for its `{expected.name}`")
    if expected.name in _TYPES and isinstance(given, int):
        raise Unusable(f"`{name}` gets a number for its `{expected.name}`")
    if "int" in kind:
        _check_numbers(name, expected.name, given)
    for each in _maps(given):
        if "device" in each and each["device"] not in ("cpu", device):
            raise Unusable(f"`{name}` names a device that is not there")
        if "torch" in each:
            _typed(each["torch"])


def _maps(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        yield value
    elif isinstance(value, list):
        for each in value:
            yield from _maps(each)


def _check_numbers(name: str, argument: str, value: Any) -> None:
    """Refuse sizes, places and counts that 32 bits do not hold, one by one or multiplied."""
    numbers = value if isinstance(value, list) else [value]
    numbers = [each for each in numbers if isinstance(each, int | float)]
    limit = _WINDOW if re.search(r"conv|pool", name) and argument != "output_size" else _NUMBERS
    endless = argument == "end" and numbers == [_END]
    if not endless and math.prod(max(1, abs(each)) for each in numbers) > limit:
        raise Unusable(f"`{name}` gets a `{argument}` that is out of bounds")


def call(name: str, args: list[Any], kwargs: Json) -> Any:
    """Call a listed operator. Raise Unusable for arguments that it may not have."""
    overload = operator(name)
    expected = overload._schema.arguments
    given = {**dict(zip((each.name for each in expected), args, strict=False)), **kwargs}
    for each in expected:  # PyTorch takes nothing for a tensor, and some kernels then read there
        value = given.get(each.name, ())
        if "Optional" not in str(each.type) and "Tensor" in str(each.type):
            several = value if isinstance(value, list) else [value]
            _require(all(one is not None for one in several))
    if guard := _GUARDS.get(name.split(".")[1]):
        guard(given)
    return _bounded(overload(*args, **kwargs))


def _bounded(value: Any) -> Any:
    """Return `value`, if its tensors are plain ones of a size that no kernel miscounts."""
    if isinstance(value, Tensor):
        if value.layout != torch.strided or str(value.dtype) not in _WORDS:
            raise Unusable("it makes a tensor of another kind")
        if math.prod(value.shape) > _NUMBERS:
            raise Unusable("it makes a tensor that is too large")
    elif isinstance(value, list | tuple):
        for each in value:
            _bounded(each)
    return value


def _require(met: bool) -> None:
    if not met:
        raise Unusable("it gives an operator tensors whose sizes do not fit")


def _guard_attention(given: Json) -> None:
    """Refuse other numbers of keys than of values or heads: kernels take them on trust."""
    query, key, value = given["query"], given["key"], given["value"]
    _require(query.dim() == key.dim() == value.dim() >= 2 and not given.get("dropout_p"))
    _require(key.shape[-2] == value.shape[-2] and query.shape[-1] == key.shape[-1])
    _require(key.shape[:-2] == value.shape[:-2])
    if not given.get("enable_gqa"):
        _require(query.shape[:-2] == key.shape[:-2])
    mask = given.get("attn_mask", given.get("attn_bias"))
    if mask is not None:
        full = (*query.shape[:-1], key.shape[-2])
        _require(2 <= mask.dim() <= len(full))
        _require(all(own in (1, of) for own, of in zip(mask.shape[::-1], full[::-1], strict=False)))


def _guard_kernel_of_attention(given: Json) -> None:
    """Refuse rows that are not contiguous: kernels called by name take that on trust."""
    _guard_attention(given)
    tensors = [given[name] for name in ("query", "key", "value")]
    _require(all(each.dim() == 4 and each.stride(-1) == 1 for each in tensors))


def _guard_recurrence(gates: int) -> Callable[[Json], None]:
    """Return a check that each weight of a recurrent net has the size of its place."""

    def check(given: Json) -> None:
        state, weights = given["hx"], given["params"]
        hidden = state[0] if isinstance(state, list | tuple) else state
        inputs, size = given["input"].shape[-1], hidden.shape[-1]
        ways, each = 1 + bool(given["bidirectional"]), 2 + 2 * bool(given["has_biases"])
        _require(given["input"].dim() == 3 == hidden.dim() and not given["train"])
        batch = given["input"].shape[0 if given["batch_first"] else 1]
        _require(given["num_layers"] > 0 and hidden.shape[0] == given["num_layers"] * ways)
        _require(len(weights) == given["num_layers"] * ways * each and hidden.shape[1] == batch)
        if isinstance(state, list | tuple):
            _require(all(one.shape == hidden.shape for one in state))
        for at, weight in enumerate(weights):
            wide = inputs if at // (each * ways) == 0 else size * ways
            shapes = (gates * size, wide), (gates * size, size), (gates * size,), (gates * size,)
            _require(weight.shape == shapes[at % each])

    return check


def _guard_batch_norm(given: Json) -> None:
    tensors = [given[name] for name in ("weight", "bias", "running_mean", "running_var")]
    _require(given["input"].dim() >= 2)
    _require(all(one is None or one.shape == given["input"].shape[1:2] for one in tensors))


def _guard_convolution(given: Json) -> None:
    _require(not given.get("transposed"))


def _guard_dropout(given: Json) -> None:
    _require(not given["train"])


def _guard_division(given: Json) -> None:
    """Refuse to divide whole numbers with rounding: -2**63 / -1 stops the process."""
    tensors = [one for one in (given["self"], given["other"]) if isinstance(one, Tensor)]
    _require(given.get("rounding_mode") != "trunc" or any(t.is_floating_point() for t in tensors))


_GUARDS: dict[str, Callable[[Json], None]] = {
    "scaled_dot_product_attention": _guard_attention,
    **{name: _guard_kernel_of_attention for name in _OPERATORS if "_scaled_dot_product" in name},
    "gru": _guard_recurrence(3),
    "lstm": _guard_recurrence(4),
    "rnn_tanh": _guard_recurrence(1),
    "rnn_relu": _guard_recurrence(1),
    "_native_batch_norm_legit_no_training": _guard_batch_norm,
    "convolution": _guard_convolution,
    "dropout": _guard_dropout,
    "div": _guard_division,
}


# ---------------------------------------------------------------- a process apart

# What is told of an error: its class, if it is one of these. A message can hold the text.
_FAULTS = (
    "error", "IndexError", "RuntimeError", "ValueError", "TypeError", "KeyError", "MemoryError",
    "NotImplementedError", "OutOfMemoryError", "RecursionError", "Unusable", "OverflowError",
    "AttributeError", "ZeroDivisionError",
)  # fmt: skip
_SHAPE = len(_FAULTS)  # the code that says: no logits
_DUMPABLE, _DEATH = 4, 1  # of prctl(2)


class Apart:
    """A model that is run by two other processes. They know only the tokens that they get.

    `ask` gives the logits of tokens in float32, whatever those processes answer, or raises
    `Unusable`. Neither process learns what the other is asked. Start them before anything is loaded
    that the model must not see.
    """

    def __init__(self, path: Path, device: str, shape: tuple[int, int, int]) -> None:
        if not path.is_file():
            raise Unusable(f"there is no {path.name}")
        self._channels = [_Channel(shape) for _ in range(2)]
        groups = [self._channels] if _forks(device) else [[each] for each in self._channels]
        self._processes = [self._start(path, device, shape, group) for group in groups]
        for channel in self._channels:
            channel.close_theirs()

    def _start(
        self, path: Path, device: str, shape: tuple[int, int, int], channels: "list[_Channel]"
    ) -> subprocess.Popen[bytes]:
        files = [file for channel in channels for file in channel.theirs]
        command = [sys.executable, "-P", __file__, str(path.resolve()), device]
        return subprocess.Popen(
            [*command, *map(str, (*shape, *files))],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=files,
            env={n: v for n, v in os.environ.items() if not n.startswith("AUTORESEARCH_")},
        )

    def __enter__(self) -> "Apart":
        """Wait until the model was read."""
        for channel in self._channels:
            code, _, reason = channel.answer().partition(b" ")
            if code != b"ready":
                self.__exit__()
                told = reason.decode(errors="replace") or "its process ended"
                raise Unusable("".join(each for each in told if each.isprintable()).strip())
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """End the processes."""
        for process in self._processes:
            process.kill()
            process.wait()
        for channel in self._channels:
            channel.close()

    def ask(self, which: int, tokens: Tensor) -> Tensor:
        """Ask process 0 or 1."""
        channel = self._channels[which]
        channel.ask(tokens.cpu().numpy().astype(np.int64).tobytes())
        match channel.answer():
            case b"said":
                return channel.logits.clone().to(tokens.device)
            case answer if answer.isdigit() and int(answer) < len(_FAULTS):
                raise Unusable(f"it raises {_FAULTS[int(answer)]} on held-out text")
            case answer if answer == b"%d" % _SHAPE:
                wanted = tuple(channel.logits.shape)
                raise Unusable(f"it gives no logits: a tensor of {wanted} real numbers is expected")
        raise Unusable("its process ended on held-out text")


class _Channel:
    """A pipe to a process, one back, and memory for the logits that both see."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        size = 4 * math.prod(shape)
        memory = _memory(size)
        self.logits = torch.frombuffer(mmap.mmap(memory, size), dtype=torch.float32).view(shape)
        asked, ask = os.pipe()
        answer, answered = os.pipe()
        self.theirs = (asked, answered, memory)
        self._ask, self._answer = os.fdopen(ask, "wb"), os.fdopen(answer, "rb")

    def close_theirs(self) -> None:
        for file in self.theirs:
            os.close(file)

    def close(self) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._ask.close()
        self._answer.close()

    def ask(self, tokens: bytes) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._ask.write(tokens)
            self._ask.flush()

    def answer(self) -> bytes:
        return self._answer.readline(2 * _TOLD).removesuffix(b"\n")


def _memory(size: int) -> int:
    """Open a file of `size` bytes, in memory if the system can do that."""
    if hasattr(os, "memfd_create"):
        file = os.memfd_create("logits")
    else:
        with tempfile.TemporaryFile() as unnamed:
            file = os.dup(unnamed.fileno())
    os.ftruncate(file, size)
    return file


def _forks(device: str) -> bool:
    """Return True if a process may fork after PyTorch was loaded."""
    return sys.platform == "linux" and device == "cpu"


def keep_private() -> None:
    """Let no other process of the same user read the memory of this one. Linux only. Idempotent."""
    _control(_DUMPABLE, 0)


def _control(*options: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(*options, 0, 0, 0)


def serve(path: str, device: str, *numbers: str) -> None:
    """Run as the separate process: read a model, then answer each batch until none comes.

    `numbers` are the shape of the logits, and three open files for each of one or two processes.
    """
    _control(_DEATH, signal.SIGKILL)
    keep_private()
    torch.set_num_threads(1)
    shape, files = tuple(map(int, numbers[:3])), [int(file) for file in numbers[3:]]
    try:
        model = read(Path(path), device)
    except Unusable as error:
        os.write(files[1], f"unusable {error}".replace("\n", " ").encode()[:_TOLD] + b"\n")
        return
    mine, others = files[:3], files[3:]
    if others and os.fork() == 0:
        _control(_DEATH, signal.SIGKILL)
        mine, others = others, mine
    for file in others:
        os.close(file)
    logits = np.frombuffer(mmap.mmap(mine[2], 4 * math.prod(shape)), np.float32).reshape(shape)
    os.close(mine[2])
    if _forks(device):
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    _answer_all(model, device, mine, logits)


def _answer_all(model: nn.Module, device: str, files: list[int], logits: np.ndarray) -> None:
    rows, time, _ = logits.shape
    with os.fdopen(files[0], "rb") as asked:
        os.write(files[1], b"ready\n")
        while batch := asked.read(8 * rows * time):
            tokens = torch.frombuffer(bytearray(batch), dtype=torch.int64).view(rows, time)
            code = _fill(model, tokens.to(device), logits)
            os.write(files[1], b"said\n" if code is None else b"%d\n" % code)


def _fill(model: nn.Module, tokens: Tensor, logits: np.ndarray) -> int | None:
    """Write the logits of `tokens`. Return None, or the code of an error."""
    try:
        with torch.no_grad():
            said = model(tokens)
            real = isinstance(said, Tensor) and said.is_floating_point()
            if not real or said.shape != logits.shape:
                return _SHAPE
            logits[:] = said.float().cpu().numpy()
    except Exception as error:  # noqa: BLE001 - whatever it is, its message may not leave
        name = type(error).__name__
        return _FAULTS.index(name) if name in _FAULTS else 0
    return None


if __name__ == "__main__":
    serve(*sys.argv[1:])
