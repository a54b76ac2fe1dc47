"""Prompts of the model; their size is bounded, and the part that a cache can keep comes first.

The order is that of change: what only a keep changes (what was kept, the asset) comes before what
each experiment changes, so that a provider's cache of the beginning can be used again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from jinja2 import DictLoader, Environment, StrictUndefined

from autoresearch_graph.asset.changes import WHOLE, cause, changed_parts, named_parts
from autoresearch_graph.asset.files import Asset
from autoresearch_graph.core.brief import Brief
from autoresearch_graph.core.experiment import Experiment
from autoresearch_graph.core.formatting import Figures
from autoresearch_graph.core.resources import texts
from autoresearch_graph.proposers.search.attempts import Attempts
from autoresearch_graph.proposers.search.findings import findings
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
_RECENT = 10  # experiments that are shown whole, and at most so many that are under way
_OLDER = 30  # experiments that are shown as a line
_GROUPS = 12
_KEPT = 20  # experiments
_DIFF = 2_000  # characters
_LOG = 2_000  # characters
_STUCK = 5  # experiments without a keep
_LATELY = 20  # experiments
_UNTOUCHED = 12  # parts
_TRIES = 3  # the idea itself and two repairs
_FILES = 100_000  # characters
Groups = list[tuple[str, list[Experiment]]]


@dataclass(frozen=True)
class Memory:
    """Readings of past experiments, so that the texts of each are read once."""

    attempts: Attempts = field(default_factory=Attempts)
    _changed: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def changed(self, experiment: Experiment, brief: Brief) -> tuple[str, ...]:
        """Return the parts that an experiment changed, from its texts where its row has none."""
        if experiment.changed is not None:
            return experiment.changed
        if experiment.commit not in self._changed:
            self._changed[experiment.commit] = _compared(experiment, brief)
        return self._changed[experiment.commit]

    def groups(self, experiments: Iterable[Experiment], brief: Brief) -> Groups:
        """Return the experiments by each part that they changed, the most tried part first."""
        found: dict[str, list[Experiment]] = {}
        for experiment in experiments:
            for part in self.changed(experiment, brief):
                found.setdefault(part, []).append(experiment)
        return sorted(found.items(), key=lambda item: -len(item[1]))

    def untouched(self, brief: Brief) -> list[str]:
        """Return the named parts of the incumbent that no experiment changed."""
        tried = {part for part, _ in self.groups(brief.ledger[1:], brief)}
        named = named_parts(brief.text, brief.program.asset)
        return [part for part in named if part not in tried]


def _compared(experiment: Experiment, brief: Brief) -> tuple[str, ...]:
    parents = [row.number for row in brief.ledger if row.commit == experiment.parent]
    if not parents:
        return (WHOLE,)
    old, new = brief.history.text(parents[0]), brief.history.text(experiment.number)
    return changed_parts(old, new, brief.program.asset)


def system(brief: Brief) -> str:
    """Return the system prompt: the same until somebody edits program.md."""
    program = brief.program
    return _render(
        "system.md",
        program=program,
        several=Asset.parse(program.asset).is_several,
        command=fenced("command", program.experiment),
        text=program.text,
    )


def user(brief: Brief, memory: Memory | None = None) -> str:
    """Return the user's prompt: the incumbent, the history, and the request."""
    memory, figures = memory or Memory(), brief.figures
    past = list(brief.ledger)
    older, recent = past[1:-_RECENT], past[-_RECENT:]
    since_keep = _since_keep(past)
    lately = memory.groups(past[-min(since_keep, _LATELY) :] if since_keep else [], brief)
    kept = [line(row, figures) for row in past if row.status == "keep"]
    return _render(
        "brief.md",
        metric=brief.program.metric.name,
        step=figures.step,
        kept=kept[-_KEPT:],
        incumbent=brief.incumbent,
        value=figures.value(brief.incumbent.metric),
        asset=_asset(brief),
        files="files" if Asset.parse(brief.program.asset).is_several else "file",
        findings=findings(brief, memory.attempts),
        older=_older(older, brief, memory),
        left_out=max(0, len(older) - _OLDER),
        recent=[_whole(row, brief) for row in recent],
        under_way=_under_way(brief),
        crash=_crash(recent, brief),
        collided=_collided(recent),
        stuck=since_keep,
        lately=[f"{part} ({len(members)})" for part, members in lately[:_GROUPS]],
        untouched=memory.untouched(brief)[:_UNTOUCHED],
        guidance=[_quotation(words) for words in brief.guidance],
        number=brief.number,
    )


def _collided(recent: Sequence[Experiment]) -> Experiment | None:
    """Return the last experiment if it is a model's whose merge failed; it was not run."""
    if not recent:
        return None
    last = recent[-1]
    is_other = last.author != "model" or last.trials or last.review == "rejected"
    return None if is_other else last


def _asset(brief: Brief) -> str:
    """Return the draft; of several files those that fit in, and the length of the others."""
    is_several = Asset.parse(brief.program.asset).is_several
    shown, left = [], _FILES
    for path, text in Asset.parse(brief.program.asset).files(brief.text).items():
        left -= len(text)
        if is_several and left < 0:
            lines = text.count("\n")
            shown.append(f"{path}: {lines} lines; use `read_file`")
        else:
            shown.append(fenced(path, text))
    return "\n\n".join(shown)


def _quotation(words: str) -> str:
    """Return a person's words as a quotation, so that they are not taken for ours."""
    return "\n".join(f"> {line}" for line in words.splitlines())


def _under_way(brief: Brief) -> list[str]:
    others = [each for each in brief.in_flight if each.number != brief.number]
    return [unmarked(each.description) for each in others[:_RECENT]]


def _whole(experiment: Experiment, brief: Brief) -> str:
    text = page(experiment, brief)
    diff = unmarked(shortened(brief.history.diff(experiment.number), _DIFF))
    return f"{text}\n{fenced('diff', diff)}" if diff else text


def _older(
    older: Sequence[Experiment], brief: Brief, memory: Memory
) -> list[tuple[str, list[str]]]:
    """Return a summary of each group, with a line for each of the latest that is in no other."""
    groups = memory.groups(older, brief)
    unlisted = {row.number for row in older[-_OLDER:]}
    shown = []
    for part, members in (*groups[:_GROUPS], *_together(groups[_GROUPS:])):
        own = [row for row in members if row.number in unlisted]
        unlisted -= {row.number for row in own}
        summary = _summary(part, members, brief.gains, brief.figures)
        shown.append((summary, [line(row, brief.figures) for row in own]))
    return shown


def _together(groups: Groups) -> Groups:
    """Return the groups as one."""
    members = {row.number: row for _, group in groups for row in group}
    rows = [members[number] for number in sorted(members)]
    return [(f"{len(groups)} other kinds", rows)] if groups else []


def _summary(
    part: str, members: Sequence[Experiment], gains: Mapping[int, float], figures: Figures
) -> str:
    """Return a group in a line. Its best is the largest gain: the best value is the latest."""
    kept = sum(row.status == "keep" for row in members)
    summary = [f"{part}: {len(members)} tried, {kept} kept"]
    crashes = Counter(cause(row) for row in members if row.status == "crash")
    if crashes:
        most = ", ".join(f"{name} {count}" for name, count in crashes.most_common(3))
        summary.append(f"{crashes.total()} crashed ({most})")
    measured = [row.number for row in members if row.number in gains]
    if measured:
        best = max(measured, key=lambda number: gains[number])
        summary.append(f"best {figures.change(gains[best])} (experiment {best})")
    return ", ".join(summary)


def _crash(recent: Sequence[Experiment], brief: Brief) -> str:
    """Return the end of the log of a crash that may be repaired.

    An idea has three tries: its own and two repairs. Crashes in a row are taken for one idea, so
    the third, the sixth and so on are let go. The search's experiments in between do not count;
    a crash of the search, or of a person's own text, is not the model's to repair.
    """
    own = [row for row in recent if row.author not in ("search", "person", "lab")]
    tries = 0
    while tries < len(own) and own[-1 - tries].status == "crash":
        tries += 1
    if tries % _TRIES == 0:
        return ""
    return quoted("the end of its log", log_end(own[-1], brief, _LOG))


def _since_keep(past: Sequence[Experiment]) -> int:
    """Return the number of experiments since the last keep, or 0 if they are few."""
    since = 0
    while since < len(past) and past[-1 - since].status != "keep":
        since += 1
    return since if since >= _STUCK else 0


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
