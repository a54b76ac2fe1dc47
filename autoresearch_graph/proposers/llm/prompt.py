"""What a model is told: the stable part first, and no more at experiment 1,000 than at 50.

The order is that of change: what only a keep changes (what was kept, the asset) comes before what
each experiment changes, so that a provider's cache of the beginning can be used again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from jinja2 import DictLoader, Environment, StrictUndefined

from autoresearch_graph.asset.changes import Group, Kinds, causes, gains
from autoresearch_graph.asset.files import Asset
from autoresearch_graph.core.brief import Brief, figures
from autoresearch_graph.core.experiment import Experiment
from autoresearch_graph.core.formatting import Figures
from autoresearch_graph.core.resources import texts
from autoresearch_graph.proposers.search.findings import findings
from autoresearch_graph.proposers.search.history import History
from autoresearch_graph.tools.history import (
    fenced,
    line,
    log_end,
    page,
    quoted,
    shortened,
    unmarked,
)

_PROMPTS = texts("proposers/llm/prompts")
_RECENT = 10
_OLDER = 30
_GROUPS = 12
_KEPT = 20
_DIFF = 2_000
_LOG = 2_000
_STUCK = 5
_LATELY = 20
_UNTOUCHED = 12
_TRIES = 3
_FILES = 100_000


@dataclass(frozen=True)
class Memory:
    """What was read of the texts of past experiments, so that each is read once."""

    kinds: Kinds = field(default_factory=Kinds)
    history: History = field(default_factory=History)


def system(brief: Brief) -> str:
    """The same for a whole research, as long as nobody edits program.md."""
    program = brief.program
    return _render(
        "system.md",
        program=program,
        several=Asset.parse(program.asset).is_several,
        command=fenced("command", program.experiment),
        text=program.text,
    )


def user(brief: Brief, memory: Memory | None = None) -> str:
    """The incumbent, the history, and what is wanted now."""
    memory, shown = memory or Memory(), figures(brief)
    past = list(brief.ledger)
    older, recent = past[1:-_RECENT], past[-_RECENT:]
    return _render(
        "brief.md",
        metric=brief.program.metric.name,
        step=shown.step,
        kept=[line(e, shown) for e in past if e.status == "keep"][-_KEPT:],
        incumbent=brief.incumbent,
        value=shown.value(brief.incumbent.metric),
        asset=_asset(brief),
        files="files" if Asset.parse(brief.program.asset).is_several else "file",
        findings=findings(brief, memory.history, shown),
        older=_older(older, brief, memory.kinds, shown),
        left_out=max(0, len(older) - _OLDER),
        recent=[_whole(e, brief) for e in recent],
        under_way=_under_way(brief),
        crash=_crash(recent, brief),
        collided=_collided(recent),
        stuck=_stuck(past),
        lately=_lately(past, brief, memory.kinds),
        untouched=memory.kinds.untouched(brief)[:_UNTOUCHED],
        guidance=[_said(words) for words in brief.guidance],
        number=brief.number,
    )


def _collided(recent: list[Experiment]) -> Experiment | None:
    """The last experiment, if a model wrote it for an earlier incumbent and it was not run."""
    last = next(reversed(recent), None)
    if last is None or last.author != "model" or last.trials or last.review == "rejected":
        return None
    return last


def _asset(brief: Brief) -> str:
    """The draft; of several files those that fit in, and how long the others are."""
    asset = Asset.parse(brief.program.asset)
    parts, left = [], _FILES
    for path, text in asset.files(brief.text).items():
        left -= len(text)
        whole = left >= 0 or not asset.is_several
        lines = text.count("\n")
        parts.append(fenced(path, text) if whole else f"{path}: {lines} lines; use `read_file`")
    return "\n\n".join(parts)


def _said(words: str) -> str:
    """A person's words as a quotation, so that they are not taken for ours."""
    return "\n".join(f"> {line}" for line in words.splitlines())


def _under_way(brief: Brief) -> list[str]:
    others = (p for p in brief.in_flight if p.number != brief.number)
    return [unmarked(p.description) for p in others][:_RECENT]


def _whole(experiment: Experiment, brief: Brief) -> str:
    told = page(experiment, brief)
    diff = unmarked(shortened(brief.diff_of(experiment.number), _DIFF))
    return f"{told}\n{fenced('diff', diff)}" if diff else told


def _older(
    older: Sequence[Experiment], brief: Brief, kinds: Kinds, shown: Figures
) -> list[tuple[str, list[str]]]:
    """The most tried kinds of idea with the latest experiments of each; the rest as one kind."""
    groups = kinds.groups(older, brief)
    most, rest = groups[:_GROUPS], groups[_GROUPS:]
    listed = set[int]()
    latest = {e.number for e in older[-_OLDER:]}
    told, better_by = [], gains(brief)
    for group in (*most, *_together(rest)):
        own = [e for e in group.experiments if e.number in latest - listed]
        listed |= {e.number for e in own}
        told.append((_summary(group, better_by, shown), [line(e, shown) for e in own]))
    return told


def _together(groups: Sequence[Group]) -> list[Group]:
    members = {e.number: e for group in groups for e in group.experiments}
    kind = f"{len(groups)} other kinds"
    return [Group(kind, [members[n] for n in sorted(members)])] if groups else []


def _summary(group: Group, better_by: Mapping[int, float], shown: Figures) -> str:
    """A group in a line. Its best is the largest gain: the best value would be the latest one."""
    kept = sum(e.status == "keep" for e in group.experiments)
    parts = [f"{group.kind}: {len(group.experiments)} tried, {kept} kept"]
    if crashes := causes(group.experiments):
        which = ", ".join(f"{cause} {count}" for cause, count in crashes.most_common(3))
        parts.append(f"{crashes.total()} crashed ({which})")
    if own := [e.number for e in group.experiments if e.number in better_by]:
        best = max(own, key=lambda number: better_by[number])
        parts.append(f"best {shown.change(better_by[best])} (experiment {best})")
    return ", ".join(parts)


def _crash(recent: Sequence[Experiment], brief: Brief) -> str:
    """The end of the log of a crash that may be repaired.

    An idea has three tries: its own and two repairs. Crashes in a row are taken for one idea, so
    the third, the sixth and so on are let go. What the search tried in between does not count,
    and a crash of its own is not the model's to repair; nor is that of a person's own text.
    """
    own = [e for e in recent if e.author not in ("search", "person", "lab")]
    tries = 0
    while tries < len(own) and own[-1 - tries].status == "crash":
        tries += 1
    if tries % _TRIES == 0:
        return ""
    return quoted("the end of its log", log_end(own[-1], brief, _LOG))


def _stuck(past: Sequence[Experiment]) -> int:
    """How many experiments ago something was kept, where that is long."""
    since = 0
    for experiment in reversed(past):
        if experiment.status == "keep":
            break
        since += 1
    return since if since >= _STUCK else 0


def _lately(past: Sequence[Experiment], brief: Brief, kinds: Kinds) -> list[str]:
    """The kinds of idea that failed since the last keep, the most tried first."""
    since = _stuck(past)
    failed = past[-min(since, _LATELY) :] if since else []
    groups = kinds.groups(failed, brief)
    return [f"{group.kind} ({len(group.experiments)})" for group in groups[:_GROUPS]]


@cache
def _environment() -> Environment:
    return Environment(
        loader=DictLoader(_PROMPTS),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )


def _render(name: str, **values: object) -> str:
    return _environment().get_template(name).render(values)
