"""A trained model as a graph of PyTorch's own operators: written by a run, read by its evaluation.

`write` traces the model with torch.export and keeps two things: which operators follow each other,
as JSON, and the weights, as raw numbers. `read` gives a module that does these operators one after
the other. Nothing is unpickled, evaluated or imported on the way, as it is by torch.export.load,
which is not for the files of strangers: the code of the model is not there any more.

What an operator may be is on a list: deterministic functions of tensors in ATen, none that changes
its input, opens a file, or shows memory that nobody wrote.

Not covered: mistakes in PyTorch's operators themselves, and a graph that needs more memory or time
than there is; the process that reads has to be a box of its own against both.
"""

import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn

Json = dict[str, Any]

_LARGEST = 2**24  # bytes of JSON
_NAME = re.compile(r"aten\.([a-z]\w*|_\w+)\.(\w+)")
_INTERNAL = {
    "_to_copy", "_softmax", "_log_softmax", "_unsafe_view", "_safe_softmax", "_fused_rms_norm",
    "_scaled_dot_product_attention_math", "_scaled_dot_product_attention_math_for_mps",
    "_scaled_dot_product_flash_attention", "_scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_efficient_attention", "_scaled_dot_product_cudnn_attention",
}  # fmt: skip
_REFUSED = re.compile(r"from_file|as_strided|resize|set_|empty|new_empty|bernoulli|item|storage")
_CHECKS = re.compile(r"aten\._assert|aten\.sym_constrain")


class Unusable(Exception):
    """A model that cannot be written, or a file that cannot be read; the sentence says why."""


# ---------------------------------------------------------------- writing


def write(model: nn.Module, example: Tensor, path: Path) -> None:
    """Write what `model` does to a tensor of the shape, type and device of `example`."""
    try:
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch.export about itself
            traced = torch.export.export(model.eval(), (example,), strict=False)
            program = traced.run_decompositions({})
    except Exception as error:
        reason = str(error).strip().split("\n")[0][:300]
        raise Unusable(f"torch.export cannot trace it: {type(error).__name__}: {reason}") from error
    weights: dict[str, Tensor] = {**program.state_dict, **program.constants}
    specs = program.graph_signature.input_specs
    inputs = [weights[spec.target] if spec.target else None for spec in specs]
    if any(spec.kind.name not in ("USER_OUTPUT",) for spec in program.graph_signature.output_specs):
        raise Unusable("it changes itself while it predicts")
    tensors = [tensor.detach().cpu().contiguous() for tensor in inputs if tensor is not None]
    header = {
        "graph": _graph(program.graph_module),
        "inputs": [tensor is not None for tensor in inputs],
        "tensors": [{"dtype": _word(t.dtype), "shape": list(t.shape)} for t in tensors],
    }
    arrays = {f"t{at}": t.flatten().view(torch.uint8).numpy() for at, t in enumerate(tensors)}
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with path.open("wb") as file:
        np.savez(file, header=text, **arrays)


def _graph(module: fx.GraphModule) -> Json:
    """Inputs, steps and output of a graph; what only checks shapes is left out."""
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
    if name != "getitem":
        operator(name)
    return {"do": name, "args": _written(node.args), "kwargs": _written(dict(node.kwargs))}


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
    """Read a model; `Unusable` where the file is not what `write` writes."""
    try:
        with np.load(path, allow_pickle=False) as file:
            text = file["header"].tobytes()
            if len(text) > _LARGEST:
                raise Unusable("its graph is too large")
            header = json.loads(text)
            given = header["inputs"]
            numbers = [file[f"t{at}"] for at in range(sum(given))]
        tensors = [_tensor(*each, device) for each in zip(numbers, header["tensors"], strict=True)]
        return Exported(header["graph"], given, tensors)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise Unusable(f"{path.name} is not what train.py has to hand over: {error}") from error


def _tensor(numbers: np.ndarray, told: Json, device: str) -> Tensor:
    raw = torch.from_numpy(numbers.copy())
    return raw.view(_typed(told["dtype"], torch.dtype)).reshape(told["shape"]).to(device)


class Exported(nn.Module):
    """A graph that was read; its weights stay as they were, whatever it is asked."""

    def __init__(self, graph: Json, given: list[bool], tensors: list[Tensor]) -> None:
        super().__init__()
        self.graph, self.given, self.tensors = graph, given, tensors
        if given.count(False) != 1:
            raise Unusable("it takes more than the tokens")
        for step in _steps(graph):
            if step.get("do", "getitem") != "getitem":
                operator(step["do"])

    def forward(self, tokens: Tensor) -> Tensor:
        """What the model that was written says of these tokens.

        Operators may write into their inputs although their schemas do not say so (batch norm
        does), and draw numbers: each call has weights and numbers of its own.
        """
        torch.manual_seed(0)
        weights = (tensor.clone() for tensor in self.tensors)
        said = _run(self.graph, [next(weights) if given else tokens for given in self.given])
        return said[0] if isinstance(said, list) else said


def operator(name: str) -> torch._ops.OpOverload:
    """The operator of that name; `Unusable` unless it is a deterministic function of tensors."""
    found = _NAME.fullmatch(name)
    if found and (found[1] in _INTERNAL or not found[1].startswith("_")):
        overload = getattr(getattr(torch.ops.aten, found[1], None), found[2], None)
        if isinstance(overload, torch._ops.OpOverload) and not overload._schema.is_mutable:
            random = torch.Tag.nondeterministic_seeded in overload.tags
            known = torch._C._dispatch_has_kernel(overload.name())  # TorchScript's own open files
            if known and not _REFUSED.search(found[1]) and (not random or "scaled_dot" in name):
                return overload
    raise Unusable(f"it uses `{name}`, which is not among the operators that an evaluation runs")


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
            kwargs = _read(step["kwargs"], values)
            values[step["name"]] = operator(step["do"])(*args, **kwargs)
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
            return _typed(word, torch.dtype, torch.memory_format, torch.layout)
        case {"device": device}:
            return torch.device(device)
    return value


def _typed(word: str, *kinds: type) -> Any:
    found = getattr(torch, word, None) if re.fullmatch(r"[a-z]\w*", word) else None
    if not isinstance(found, kinds):
        raise Unusable(f"it has a `{word}` that PyTorch does not know")
    return found
