"""The environment of a run: variables, network, readable and writable paths."""

import os
import re
from collections.abc import Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from autoresearch_graph.core.program import Environment
from autoresearch_graph.core.text import is_credential
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.paths import Place, bad_path
from autoresearch_graph.program.readers.claims import PATHS
from autoresearch_graph.program.text.document import Document, sentences
from autoresearch_graph.program.text.front_matter import Entry
from autoresearch_graph.program.text.markdown import Block
from autoresearch_graph.program.text.quantities import Statement, agree, bad_value

Said = Statement[str]
Stated = tuple[str, Statement[Any]]
_LISTS = ("variables", "readable", "writable")
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_WITHHELD = re.compile(
    r"\b(?:not|never|cannot|don't)\s+(?:be\s+)?(?:pass|get|see|forward|give|need)", re.IGNORECASE
)
_LABELLED = re.compile(
    rf"\bvariables?\s*[:|]\s*(?:(?P<names>{_NAME}(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+){_NAME})*)(?=\s*(?:$|[^\w\s=/]))|\S)",
    re.IGNORECASE,
)
_IN_SPAN = r"[A-Z][A-Z0-9_]+|[a-z]+_proxy"
_VARIABLE = re.compile(
    rf"`(?P<span>{_IN_SPAN})(?P<set>=[^`]*)?`|`[^`]*`"
    r"|(?<![\w./~$-])(?P<name>[A-Z][A-Z0-9]*_[A-Z0-9_]*|[a-z]+_proxy)(?P<value>=[^\s`]*)?(?![\w./-])"
)
_ACCESS = r"\b(?:network|internet)(?:\s+access)?\s*(?:\bis\b|:|=|\|)?\s*"
_NO_NETWORK = re.compile(
    r"\b(?:no|without|not)\s+(?:\w+\s+)?(?:network|internet)\b|\boffline\b"
    rf"|{_ACCESS}(?:not\b|no\b|off\b|none\b|denied|forbidden|disabled|false)",
    re.IGNORECASE,
)
_NETWORK = re.compile(
    rf"{_ACCESS}(?:allowed|on\b|yes\b|true|enabled|permitted|needed|required)"
    r"|\b(?:allow|needs?|with|may use)\s+(?:the\s+)?(?:network|internet)\b",
    re.IGNORECASE,
)
_USES = {
    use: re.compile(
        rf"\b{verb}\b[^`.;]{{0,40}}?(?P<after>{PATHS})"
        rf"|(?P<such>{PATHS})\s+(?:is|are|stays?)\s+{adjective}\b",
        re.IGNORECASE,
    )
    for use, verb, adjective in (
        ("readable", "read(?:s|ing|able)?", "(?:readable|read-only)"),
        ("writable", "writ(?:e|es|ing|able)", "writable"),
    )
}
_DENIAL = re.compile(r"\b(?:not|never|no|cannot|can't|don't)\b", re.IGNORECASE)
_LABEL = 2  # words at most beside a path, as in `Data set: ...`; a sentence has more


def read_environment(document: Document, place: Place) -> tuple[Environment, int | None]:
    """Return the environment, and the first line that describes it."""
    entry = document.front.get("environment")
    stated = _front(entry) if entry else (*_in_sections(document, place), *_caches(document))
    parts: dict[str, list[Statement[Any]]] = {part: [] for part in (*_LISTS, "network")}
    for part, said in stated:
        parts[part].append(said)
    for variable in parts["variables"]:
        _check_variable(variable)
    for path in (*parts["readable"], *parts["writable"]):
        _check_path(path, place, is_written=path in parts["writable"])
    allowed = agree("network", parts["network"])
    environment = Environment(
        network=bool(allowed and allowed.value),
        **{part: tuple(dict.fromkeys(said.value for said in parts[part])) for part in _LISTS},
    )
    lines = (said.line for said in chain(*parts.values()) if said.line)
    return environment, min(lines, default=None)


def _front(entry: Entry) -> Iterator[Stated]:
    keys = entry.keys("variables", "network", "readable", "writable")
    for part in _LISTS:
        yield from ((part, said) for said in keys[part].statements()) if part in keys else ()
    if "network" in keys:
        answer = keys["network"].text().strip().lower()
        allowed = answer in ("true", "yes", "on", "allowed")
        if not allowed and answer not in ("false", "no", "off", "none"):
            raise bad_value(f"`network` is `{answer}`; it must be yes or no", keys["network"].line)
        yield "network", Statement(allowed, keys["network"].line, answer)


def _in_sections(document: Document, place: Place) -> list[Stated]:
    blocks = [block for section in document.proper("environment") for block in section.body]
    stated: list[Stated] = [("variables", said) for block in blocks for said in _variables(block)]
    names = {said.value for _, said in stated}
    prose = [place.spanned(block) for block in blocks if block.kind != "code"]
    for block in prose:
        stated += _in_prose(block, names)
    _check_spans(prose, {said.value for _, said in stated}, place)
    return stated


def _in_prose(block: Block, variables: set[str]) -> Iterator[Stated]:
    """Yield the paths that a block opens, and what it says of the network."""
    for sentence, line in sentences(block):
        for use, pattern in _USES.items():
            paths = _used(sentence, pattern)
            yield from ((use, Statement(path, line)) for path in paths if path not in variables)
        if (allowed := _allows_network(sentence, line)) is not None:
            yield "network", Statement(allowed, line, sentence)


def _variables(block: Block) -> Iterator[Said]:
    """Yield the variables that a block names.

    These are names in code spans or with an underscore, all names after `Variables:`, and all in a
    code block. Raise ProgramError if one has a value, or if an item may mean something else.
    """
    if block.kind == "code":
        yield from _in_code(block)
        return
    for sentence, line in sentences(block):
        if not _WITHHELD.search(sentence):
            yield from _in_sentence(sentence, line)
    lone = re.fullmatch(rf"`(?P<span>{_NAME})`|(?P<bare>[A-Z][A-Z0-9]+)", block.text.rstrip(" .,;"))
    if lone and block.kind == "item" and not re.fullmatch(_IN_SPAN, lone["span"] or ""):
        raise ProgramError(
            f"{lone[0]} may be a variable; write `Variables: {lone[0].strip('`')}`, or a sentence",
            line=block.line,
        )


def _in_code(block: Block) -> Iterator[Said]:
    for line, text in enumerate(block.text.splitlines(), block.line):
        words = text.partition("#")[0].strip().removeprefix("export ").strip()
        if match := re.fullmatch(rf"({_NAME})(=.*)?", words):
            yield _unset(match[1], match[2], line)
        elif words:
            raise bad_value(
                f"`{words[:80]}` is not a variable name; a code block lists variables, one a "
                "line, and anything else belongs under another heading",
                line,
            )


def _in_sentence(sentence: str, line: int) -> Iterator[Said]:
    plain = sentence.replace("`", "")
    if (listed := _LABELLED.search(plain)) and listed["names"]:
        names = re.findall(rf"\b(?!(?:and|none)\b){_NAME}", listed["names"])
        yield from (Statement(name, line) for name in names)
        return
    found = tuple(_marked(sentence, line))
    if listed and not found:
        raise ProgramError(
            f"`{' '.join(plain.split())[:80]}` names no variable; write `Variables: HF_HOME, LANG`",
            line=line,
        )
    yield from found


def _marked(sentence: str, line: int) -> Iterator[Said]:
    for match in _VARIABLE.finditer(sentence):
        if name := match["span"] or match["name"]:
            where = line + sentence.count("\n", 0, match.start())
            yield _unset(name, match["set"] or match["value"], where)


def _unset(name: str, value: str | None, line: int) -> Said:
    """Return a variable; raise ProgramError if it has a value."""
    if value is None:
        return Statement(name, line)
    raise bad_value(
        f"`{name}{value}` gives a value, but variables are passed on unchanged; write "
        f"`{name}` and set it where the research is started",
        line,
    )


def _check_variable(said: Said) -> None:
    """Raise ProgramError for a malformed name, or that of a credential."""
    if not re.fullmatch(_NAME, said.value):
        raise bad_value(f"`{said}` is not a variable name", said.line)
    if is_credential(said.value):
        raise bad_value(
            f"`{said}` looks like a credential, which a run never gets; remove it, and "
            "download the data behind it before the research",
            said.line,
        )


def _check_spans(blocks: Iterable[Block], understood: set[str], place: Place) -> None:
    """Raise ProgramError for a path without words that tell its use."""
    labels = (b for b in blocks if len(re.sub(r"`[^`]*`", "", b.text).split()) <= _LABEL)
    for span in (span for block in labels for span in block.spans):
        path = Path(span.text).expanduser()
        is_path = place.exists(span.text) or (path.is_absolute() and path.exists())
        if is_path and span.text not in understood:
            raise ProgramError(
                f"`{span.text}` has no permission beside it; write `A run may read` or "
                "`A run may write` before it",
                line=span.line,
            )


def _caches(document: Document) -> Iterator[Stated]:
    """Yield the existing folders in the user's cache that prose names: data lie there."""
    if not document.proper("environment"):
        for span in (span for block in document.blocks for span in block.spans):
            if re.match(r"~/\.cache/[\w-]", span.text) and Path(span.text).expanduser().is_dir():
                yield "readable", Statement(span.text, span.line)


def _allows_network(sentence: str, line: int) -> bool | None:
    """Return what a sentence says of the network; None if it does not mention it."""
    denied = _NO_NETWORK.search(sentence)
    if denied or _NETWORK.search(sentence):
        return not denied
    if re.search(r"\bnetwork\b", re.sub(r"`[^`]*`", "", sentence), re.IGNORECASE):
        raise ProgramError(
            f"`{' '.join(sentence.split())}` is unclear about the network; write "
            "`network allowed` or `no network`",
            line=line,
        )
    return None


def _used(sentence: str, use: re.Pattern[str]) -> list[str]:
    """Return the paths that `use` matches, if nothing denies it."""
    match = use.search(sentence)
    named = "after" if match and match["after"] else "such"
    if not match or _DENIAL.search(sentence[: match.start(named)]):
        return []
    return re.findall(r"`([^`]+)`", match[named])


def _check_path(said: Said, place: Place, *, is_written: bool) -> None:
    """Refuse to open the home folder with its keys, or to write in the project.

    A run that writes in the project could change its own measurement.
    """
    if "$" in said.value:
        raise bad_path(f"`{said}` has a variable; write the path itself", said.line)
    opened = Path(os.path.realpath(place.project / Path(said.value).expanduser()))
    if is_written and Path(os.path.realpath(place.project)).is_relative_to(opened):
        raise bad_path(
            f"`{said}` includes the project, which no run may write; name a folder outside it",
            said.line,
        )
    if not is_written and Path.home().resolve().is_relative_to(opened):
        raise bad_path(
            f"`{said}` includes your home folder and its keys; name a folder inside it", said.line
        )
