"""YAML front matter, with the line of every key and value."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches

import yaml

from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.text.quantities import Statement, bad_value, contradiction

KEYS = (
    "asset", "protected", "metric", "direction", "experiment", "evaluation", "artifacts", "holdout",
    "hidden", "check", "time_box", "kill_after", "constraints", "noise", "stopping", "early_end",
    "environment",
)  # fmt: skip
OPTIONAL = (
    "protected", "evaluation", "artifacts", "holdout", "hidden", "check", "kill_after",
    "constraints", "noise", "environment",
)  # fmt: skip
_SYNONYMS = {
    "asset": ("target", "target_file", "editable", "editable_file", "files", "files_in_scope"),
    "protected": ("read_only", "readonly", "off_limits", "do_not_modify", "protected_files"),
    "metric": ("primary_metric", "metric_name"),
    "direction": ("metric_direction",),
    "experiment": ("run", "run_command", "command", "experiment_command", "how_to_run"),
    "evaluation": ("evaluate", "evaluation_command", "eval_command", "scorer"),
    "check": ("check_command", "guard", "preflight"),
    "time_box": ("time_budget", "timebox", "time_limit"),
    "kill_after": ("timeout", "hard_timeout"),
    "stopping": ("stop", "stopping_criteria", "stop_conditions"),
}  # fmt: skip
_FIELDS = {synonym: key for key, synonyms in _SYNONYMS.items() for synonym in synonyms}
_LIMITS = {
    "max_experiments": "experiments", "max_iterations": "experiments", "max_runs": "experiments",
    "max_hours": "hours", "max_tokens": "tokens", "max_dollars": "dollars",
}  # fmt: skip
NAMES = (*_FIELDS, *_LIMITS)
_FILES = {"edit": "asset", "protect": "protected"}
_BUDGET = {
    "per_run": "time_box", "per_experiment": "time_box", "time": "time_box",
    "experiments": "max_experiments", "hours": "max_hours", "tokens": "max_tokens",
    "dollars": "max_dollars",
}  # fmt: skip
_GROUPS: Mapping[str, Mapping[str, str]] = {
    "files": _FILES, "scope": _FILES, "run": {}, "experiment": {}, "budget": _BUDGET,
    "limits": _BUDGET,
}  # fmt: skip
_UNITS = re.compile(r"_(seconds|minutes|hours)$")
_TELLING = {
    "asset", "budget", "command", "direction", "edit", "editable", "eval", "experiments", "file",
    "files", "limit", "metric", "protect", "run", "score", "stop", "test", "time",
}  # fmt: skip
PROSE = (
    "name", "title", "description", "author", "date", "version", "tags", "license", "language",
    "owner", "schedule", "status", "created", "updated", "id", "notes", "summary", "strategy",
)  # fmt: skip


@dataclass(frozen=True)
class Entry:
    """A key with its value: a text, a list or a mapping of further entries.

    `type` is YAML's own of a text: str, int, float, bool or null.
    """

    key: str
    line: int
    value: "str | tuple[Entry, ...] | Mapping[str, Entry]"
    type: str = "str"

    def text(self) -> str:
        """Return the value, which must be one text or number."""
        if isinstance(self.value, str) and self.value.strip():
            return self.value
        raise _malformed(f"`{self.key}` in the front matter takes one value", self.line)

    def items(self) -> tuple["Entry", ...]:
        """Return the value as a list; a single text is a list of one."""
        if isinstance(self.value, Mapping):
            raise _malformed(f"`{self.key}` in the front matter takes a list", self.line)
        return (self,) if isinstance(self.value, str) else self.value

    def keys(self, *known: str, told: tuple[str, ...] = ()) -> Mapping[str, "Entry"]:
        """Return the value as a mapping of known keys; an error names those in `told`."""
        if not isinstance(self.value, Mapping):
            raise _malformed(
                f"`{self.key}` in the front matter takes the keys {', '.join(told or known)}",
                self.line,
            )
        for entry in self.value.values():
            _check_known(entry, known, told or known)
        return self.value

    def statement(self) -> Statement[str]:
        """Return the text as a statement."""
        return Statement(self.text().strip(), self.line)

    def statements(self) -> list[Statement[str]]:
        """Return the texts of the list as statements."""
        return [item.statement() for item in self.items()]

    def command(self) -> Statement[str]:
        """Return the text as a command; `false` and `0` are none."""
        if self.type in ("bool", "int", "float"):
            raise bad_value(
                f"`{self.key}` is `{self.text()}`, which is not a command; remove it, or give one",
                self.line,
            )
        return self.statement()


def parse(text: str) -> Mapping[str, Entry]:
    """Return the entries of the front matter, which starts on line 2.

    An optional key that is null is absent. Raise ProgramError if the front matter is malformed.
    """
    try:
        _check_no_alias(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        entries = {} if node is None else _parts(_entry("front matter", node))
    except RecursionError:
        raise _malformed("the front matter is nested too deeply", 1) from None
    except yaml.MarkedYAMLError as error:
        problem_mark = error.problem_mark or error.context_mark
        line_number = problem_mark.line + 2 if problem_mark else 1
        raise _malformed(
            f"the front matter is not valid YAML: {error.problem}", line_number
        ) from None
    except yaml.YAMLError as error:
        raise _malformed(f"the front matter is not valid YAML: {error}", 1) from None
    return {
        key: entry for key, entry in entries.items() if key not in OPTIONAL or entry.type != "null"
    }


def foreign_keys(text: str) -> tuple[str, ...]:
    """Return the keys of a front matter that has none of ours, and none that is nearly ours."""
    try:
        _check_no_alias(text)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        return ()
    if not isinstance(node, yaml.MappingNode):
        return ()
    keys = tuple(str(key.value) for key, _ in node.value)
    ours = (*KEYS, *_FIELDS, *_LIMITS, *_GROUPS)
    stems = (re.sub(r"_(?:second|minute|hour)s?$", "", key.lower()) for key in keys)
    nearly = any(
        get_close_matches(stem, ours, 1, 0.8) or _TELLING & set(re.split(r"[_-]", stem))
        for stem in stems
    )
    return () if nearly else keys


def _parts(front: Entry) -> Mapping[str, Entry]:
    """Return the entries by the names in KEYS; entries that describe the file are left out."""
    known = (*KEYS, *_FIELDS, *_LIMITS, *PROSE)
    timed = [f"{key}_{unit}" for key in known for unit in ("seconds", "minutes", "hours")]
    parts: dict[str, Entry] = {}
    limits: dict[str, Entry] = {}
    for key, entry in _flat(front):
        _check_known(entry, (entry.key,) if key in (*known, *timed) else (), KEYS)
        if key in _LIMITS:
            _add(limits, _LIMITS[key], replace(entry, key=_LIMITS[key]))
        elif key not in PROSE:
            unit = _UNITS.search(key)
            stem = _UNITS.sub("", key)
            field = _FIELDS.get(stem, stem)
            _add(parts, field, _with_unit(entry, unit[1]) if unit else entry)
    if limits:
        first = next(iter(limits.values()))
        _add(parts, "stopping", replace(first, value=limits, type="map"))
    return parts


def _flat(front: Entry) -> Iterator[tuple[str, Entry]]:
    """Yield the entries by their keys, those of a group (`run: {command: ...}`) as well."""
    keys = front.value if isinstance(front.value, Mapping) else ()
    for key, entry in front.keys(*keys, told=KEYS).items():
        group = _GROUPS.get(key)
        if group is None or not isinstance(entry.value, Mapping):
            yield key, entry
            continue
        for name, inner in entry.value.items():
            yield group.get(name, name), replace(inner, key=f"{key}.{name}")


def _add(parts: dict[str, Entry], key: str, entry: Entry) -> None:
    if key in parts:
        raise contradiction(
            f"`{entry.key}` says the same as `{parts[key].key}` on line {parts[key].line} of the "
            "front matter; keep one of them",
            entry.line,
        )
    parts[key] = entry


def _with_unit(entry: Entry, unit: str) -> Entry:
    return replace(entry, value=f"{entry.text()} {unit}", type="str")


def is_mapping(text: str) -> bool:
    """Return True if a text could be front matter."""
    try:
        return isinstance(yaml.compose(text, Loader=yaml.SafeLoader), yaml.MappingNode)
    except (yaml.YAMLError, RecursionError):
        return False


def _check_no_alias(text: str) -> None:
    """Raise ProgramError for an alias: it could hold itself, or itself many times."""
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise _malformed(
                f"`*{event.anchor}` is an alias, which is not supported; write the value itself",
                (event.start_mark.line if event.start_mark else 0) + 2,
            )


def _entry(key: str, node: yaml.Node) -> Entry:
    line_number = node.start_mark.line + 2
    match node:
        case yaml.ScalarNode():
            kind = node.tag.rpartition(":")[2]
            return Entry(key, line_number, "" if kind == "null" else node.value, kind)
        case yaml.SequenceNode():
            return Entry(key, line_number, tuple(_entry(key, item) for item in node.value))
        case _:
            return Entry(key, line_number, _mapping(node))


def _mapping(node: yaml.Node) -> Mapping[str, Entry]:
    entries: dict[str, Entry] = {}
    for name, value in node.value:
        line_number = name.start_mark.line + 2
        if not isinstance(name, yaml.ScalarNode):
            raise _malformed("a key of the front matter is not a word", line_number)
        if name.value in entries:
            raise contradiction(
                f"`{name.value}` is here and on line {entries[name.value].line} of the front "
                "matter; keep one of them",
                line_number,
            )
        entries[name.value] = _entry(name.value, value)
    return entries


def _check_known(entry: Entry, known: tuple[str, ...], told: tuple[str, ...]) -> None:
    if entry.key not in known:
        near = get_close_matches(entry.key, (*told, *_FIELDS, *_LIMITS), 1)
        meant = f"did you mean `{near[0]}`? The" if near else "the"
        raise _malformed(
            f"the front matter has no key `{entry.key}`; {meant} keys are {', '.join(told)}; what "
            "is for the model alone goes under `notes`",
            entry.line,
        )


def _malformed(message: str, line: int | None) -> ProgramError:
    return ProgramError(message, line=line, code="front-matter")
