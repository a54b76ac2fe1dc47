"""How large the brief of a model is at experiments 50, 200 and 1,000, in tokens.

    python benchmarks/brief.py [EXPERIMENT]

The research is made up: train.py and program.md of this repository, constants that a search and a
model move, edits of the code with long diffs and hypotheses, crashes with tracebacks. One in twenty
is kept, and what is kept does not make the file longer. Tokens are those of `o200k_base` where
tiktoken has it or can fetch it, else of 4,096 tokens learned here from the standard library. With a
number as argument the brief of that experiment is printed instead.
"""

import ast
import difflib
import os.path
import random
from collections.abc import Callable
from functools import cache
from itertools import pairwise
from pathlib import Path

from rich.console import Console
from rich.table import Table

from autoresearch_graph.asset.constants import find, rewrite
from autoresearch_graph.core.brief import Brief, History
from autoresearch_graph.core.experiment import Crashed, Experiment, Incumbent, Measured, TimedOut
from autoresearch_graph.program.reader import read
from autoresearch_graph.proposers.llm import prompt
from benchmarks.arguments import at_least, parser

ROOT = Path(__file__).parents[1]
AT = (50, 200, 1000)
STEPS = 10
KEEP = 20
PATTERN = r"\p{L}+|\p{N}{1,3}|[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
REASONS = {
    "memory": "out of memory: RuntimeError: can't allocate memory: you tried to allocate 9 GB",
    "exit": "exit code 1: ValueError: the sizes (16, 128, 64) and (16, 128, 32) do not match",
    "no metric": "the run ended well but printed no `val_bpb: <number>`",
}
HYPOTHESIS = (
    "The last layer takes most of the time of a step, so a change that lets {part} do its work in "
    "fewer multiplications should give a tenth more steps; at this point of the curve a tenth more "
    "steps is worth about 0.01. If the loss by step gets worse by more, it was not worth it. "
)


class Night:
    """A research of any length; the same for the same numbers."""

    def __init__(self, experiments: int) -> None:
        self.program = read(ROOT / "program.md", project=ROOT)
        self.texts = [(ROOT / self.program.asset).read_text()]
        self.parents = [0]
        self.rows = [_row(0, "keep", "baseline", parent=0, metric=1.9, description="baseline")]
        for number in range(1, experiments):
            self._add(number, random.Random(number))

    def brief(self, number: int) -> Brief:
        """Return the brief for experiment `number`, of which the ledger has all before."""
        rows = self.rows[:number]
        best = next(row for row in reversed(rows) if row.status == "keep")
        return Brief(
            number=number,
            program=self.program,
            incumbent=Incumbent(number=best.number, commit=best.commit, metric=best.metric or 0),
            text=self.texts[best.number],
            ledger=rows,
            sigma=0.005,
            history=History(text=lambda n: self.texts[n], diff=self._diff, log=self._log),
        )

    def _add(self, number: int, rng: random.Random) -> None:
        best = next(row for row in reversed(self.rows) if row.status == "keep")
        author = rng.choice(("search", "model", "model"))
        old = self.texts[best.number]
        constants = _found(old, self.program.asset)
        if author == "search" or number % KEEP == 0 or rng.random() < 0.3:
            chosen = rng.sample(constants, rng.choice((1, 2, 3, len(constants))))
            values = {c.name: _moved(c.value, c.choices, rng) for c in chosen}
            text, what = rewrite(old, self.program.asset, values), ", ".join(values)[:100]
        else:
            text, what = _edited(old, number, rng)
        kept = number % KEEP == 0
        crashed = not kept and rng.random() < 0.15
        status = "keep" if kept else "crash" if crashed else "discard"
        metric = (
            1.9 - 0.3 * (1 - 0.9 ** (number / KEEP)) + (0 if kept else rng.uniform(0.001, 0.05))
        )
        row = _row(
            number,
            status,
            author,
            parent=best.number,
            metric=None if crashed else metric,
            description=f"a change of {what}, which should make a step faster",
            hypothesis=HYPOTHESIS.format(part=what) * rng.choice((1, 1, 2, 3)),
            reason=_reason(status, metric, best, rng),
        )
        self.texts.append(text)
        self.parents.append(best.number)
        self.rows.append(row)

    def _diff(self, number: int) -> str:
        old, new = self.texts[self.parents[number]], self.texts[number]
        lines = difflib.unified_diff(
            old.splitlines(True), new.splitlines(True), "a/train.py", "b/train.py"
        )
        return "".join(lines)

    def _log(self, number: int) -> str:
        losses = (8 / (1 + i) ** 0.3 + number % 7 / 100 for i in range(30))
        lines = [f"step {20 * i}  {i}.0 s  loss {loss:.3f}" for i, loss in enumerate(losses)]
        if self.rows[number].status == "crash":
            frame = '  File "train.py", line 120, in forward\n    x = x + self.mlp(norm(x))'
            lines += ["Traceback (most recent call last):", *[frame] * 40, "ValueError: sizes"]
        return "\n".join(lines)


def _row(number: int, status: str, author: str, *, parent: int, **parts: object) -> Experiment:
    reason = str(parts.get("reason", "the untouched asset"))
    metric = parts["metric"]
    cause = next((c for c, said in REASONS.items() if said == reason), None)
    run: object = Measured(metric=metric) if isinstance(metric, float) else TimedOut(limit=180)
    run = Crashed(cause=cause, reason=reason) if cause else run
    fixed = {"metrics": {}, "trials": (run,), "seconds": 40.0, "memory_gb": 1.0}
    return Experiment.model_validate(
        {
            **fixed,
            "self_reported": False,
            "finished": "2026-01-01T00:00:00+00:00",
            "lesson": "The last step was too small to tell it from noise; the loss was equal.",
            **parts,
            "reason": reason,
            "number": number,
            "status": status,
            "author": author,
            "commit": f"{number:040x}",
            "parent": f"{parent:040x}" if number else "f" * 40,
        }
    )


def _reason(status: str, metric: float, best: Experiment, rng: random.Random) -> str:
    against = f"the incumbent's {best.metric:.6g} (experiment {best.number})"
    gap = abs(metric - (best.metric or 0))
    match status:
        case "crash":
            return rng.choice([*REASONS.values(), "killed at its limit of 180 s"])
        case "keep":
            return f"val_bpb {metric:.6g} is better than {against} by {gap:.3g}"
    return f"val_bpb {metric:.6g} is worse than {against} by {gap:.3g}"


_found, _parsed = cache(find), cache(ast.parse)  # twenty experiments in a row change one text


def _moved(value: object, choices: tuple[object, ...], rng: random.Random) -> object:
    if choices:
        return rng.choice(choices)
    return round(float(str(value)) * rng.choice((0.5, 0.8, 1.25, 2.0)), 5)


def _edited(text: str, number: int, rng: random.Random) -> tuple[str, str]:
    """Return the text with up to 80 lines more at the end of one or two functions or classes."""
    nodes = [n for n in _parsed(text).body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
    chosen = sorted(rng.sample(nodes, rng.choice((1, 1, 2))), key=lambda n: -n.lineno)
    lines = text.splitlines()
    for node in chosen:
        indent = " " * node.body[0].col_offset
        more = [f"{indent}part_{number}_{i} = {rng.random()}" for i in range(rng.randint(2, 80))]
        lines[node.end_lineno : node.end_lineno] = more
    return "\n".join(lines) + "\n", " and ".join(node.name for node in chosen)


def tokenizer(*, offline: bool = False) -> tuple[str, Callable[[str], int]]:
    """Return the name of an encoding, and a function that counts its tokens."""
    import tiktoken

    try:
        encoding = None if offline else tiktoken.get_encoding("o200k_base")
    except OSError:
        encoding = None
    if encoding is None:
        import rustbpe

        trainer = rustbpe.Tokenizer()
        sources = sorted(Path(os.path.__file__).parent.glob("*.py"))
        texts = [path.read_text(errors="replace") for path in sources]
        trainer.train_from_iterator(iter(texts), 4096, pattern=PATTERN)
        ranks = {bytes(token): rank for token, rank in trainer.get_mergeable_ranks()}
        encoding = tiktoken.Encoding(
            "4,096 learned from the standard library",
            pat_str=PATTERN,
            mergeable_ranks=ranks,
            special_tokens={},
        )
    return encoding.name, lambda text: len(encoding.encode(text, disallowed_special=()))


def told(brief: Brief, memory: prompt.Memory) -> str:
    """Everything that is sent, in its order."""
    return prompt.system(brief) + prompt.user(brief, memory)


def shared(night: Night, number: int, memory: prompt.Memory) -> float:
    """Return the share of the brief that begins as the one before; the mean of ten steps."""
    texts = [told(night.brief(n), memory) for n in range(number - STEPS, number + 1)]
    return sum(begins_alike(old, new) / len(new) for old, new in pairwise(texts)) / STEPS


def begins_alike(old: str, new: str) -> int:
    """How many characters two texts have in common at their beginning."""
    pairs = enumerate(zip(old, new, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(old), len(new)))


def main() -> None:
    """Measure and print."""
    arguments = parser(__doc__)
    arguments.add_argument("experiment", nargs="?", type=at_least(1))
    number = arguments.parse_args().experiment
    if number:
        print(told(Night(number).brief(number), prompt.Memory()))
        return
    night, memory = Night(max(AT) + STEPS), prompt.Memory()
    name, count = tokenizer()
    table = Table("before experiment", "characters", "tokens", f"to that at {AT[0]}", "bound")
    table.add_column("begins as the one before")
    first = 0
    for number in AT:
        sizes = []
        for n in range(number, number + STEPS):
            text = told(night.brief(n), memory)
            sizes.append((len(text), count(text)))
        characters, tokens = (sum(column) // STEPS for column in zip(*sizes, strict=True))
        first = first or tokens
        row = (f"{characters:,}", f"{tokens:,}", f"{tokens / first:.3f}", "1.2")
        table.add_row(f"{number:,}", *row, f"{shared(night, number, memory):.0%}")
    table.title = f"the brief in tokens ({name}), mean of {STEPS} experiments"
    Console(width=110).print(table)


if __name__ == "__main__":
    main()
