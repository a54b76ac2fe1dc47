"""The environment of a run: variables, network, readable and writable paths."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from autoresearch_graph.core.program import Environment
from autoresearch_graph.core.text import is_credential
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.claims import PATHS
from autoresearch_graph.program.document import Document, sentences
from autoresearch_graph.program.front_matter import Entry
from autoresearch_graph.program.markdown import Block
from autoresearch_graph.program.paths import Place, bad_path
from autoresearch_graph.program.quantities import Statement, agree, bad_value

_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_WITHHELD = re.compile(
    r"\b(?:not|never|cannot|don't)\s+(?:be\s+)?(?:pass|get|see|forward|give|need)", re.IGNORECASE
)
_LABELLED = re.compile(
    rf"\bvariables?\s*[:|]\s*(?:(?P<names>{_NAME}(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+){_NAME})*)(?=\s*(?:$|[^\w\s=/]))|\S)",
    re.IGNORECASE,
)
_VARIABLE = re.compile(
    r"(?<![\w./~$-])(?P<name>[A-Z][A-Z0-9]*_[A-Z0-9_]*|[a-z]+_proxy)(?P<value>=\S*)?(?![\w./-])"
)
_SPANNED = re.compile(r"(?P<name>[A-Z][A-Z0-9_]+|[a-z]+_proxy)(?P<value>=.*)?")


def said_variables(block: Block) -> Iterator[Statement[str]]:
    """Yield the variables that a block names.

    These are names in code spans or with an underscore, all names after `Variables:`, and all in a
    code block. Raise ProgramError if one has a value, or if an item may mean something else.
    """
    if block.kind == "code":
        yield from _in_code(block)
        return
    for sentence, line_number in sentences(block):
        if not _WITHHELD.search(sentence):
            yield from _in_sentence(sentence, line_number)
    lone = re.fullmatch(rf"`(?P<span>{_NAME})`|(?P<bare>[A-Z][A-Z0-9]+)", block.text.rstrip(" .,;"))
    if lone and block.kind == "item" and not _SPANNED.fullmatch(lone["span"] or ""):
        raise ProgramError(
            f"{lone[0]} may be a variable; write `Variables: {lone[0].strip('`')}`, or a sentence",
            line=block.line,
        )


def check_variable(said: Statement[str]) -> None:
    """Raise ProgramError for a malformed name, or that of a credential."""
    if not re.fullmatch(_NAME, said.value):
        raise bad_value(f"`{said}` is not a variable name", said.line)
    if is_credential(said.value):
        raise bad_value(
            f"`{said}` looks like a credential, which a run never gets; remove it, and "
            "download the data behind it before the research",
            said.line,
        )


def _in_code(block: Block) -> Iterator[Statement[str]]:
    for number, text in enumerate(block.text.splitlines()):
        words = text.partition("#")[0].strip().removeprefix("export ").strip()
        if not words:
            continue
        match = re.fullmatch(rf"(?P<name>{_NAME})(?P<value>=.*)?", words)
        if match is None:
            raise bad_value(
                f"`{words[:80]}` is not a variable name; a code block lists variables, one a "
                "line, and anything else belongs under another heading",
                block.line + number,
            )
        yield _named(match, block.line + number)


def _in_sentence(sentence: str, line: int) -> Iterator[Statement[str]]:
    plain = sentence.replace("`", "")
    if (listed := _LABELLED.search(plain)) and listed["names"]:
        for name in re.findall(rf"\b(?!(?:and|none)\b){_NAME}", listed["names"]):
            yield Statement(name, line)
        return
    found = tuple(_marked(sentence, line))
    if listed and not found:
        raise ProgramError(
            f"`{' '.join(plain.split())[:80]}` names no variable; write `Variables: HF_HOME, LANG`",
            line=line,
        )
    yield from found


def _marked(sentence: str, line: int) -> Iterator[Statement[str]]:
    for piece in re.finditer(r"`(?P<span>[^`]+)`|[^`]+", sentence):
        where = line + sentence.count("\n", 0, piece.start())
        spanned = _SPANNED.fullmatch(piece["span"]) if piece["span"] else None
        for match in _VARIABLE.finditer(piece[0]) if not piece["span"] else (spanned,):
            if match:
                yield _named(match, where)


def _named(match: re.Match[str], line: int) -> Statement[str]:
    if match["value"] is None:
        return Statement(match["name"], line)
    raise bad_value(
        f"`{match[0]}` gives a value, but variables are passed on unchanged; write "
        f"`{match['name']}` and set it where the research is started",
        line,
    )


_DENIED = re.compile(
    r"\b(?:no|without|not)\s+(?:\w+\s+)?(?:network|internet)\b|\boffline\b"
    r"|\b(?:network|internet)(?:\s+access)?\s*(?:\bis\b|:|=|\|)?\s*"
    r"(?:not\b|no\b|off\b|none\b|denied|forbidden|disabled|false)",
    re.IGNORECASE,
)
_ALLOWED = re.compile(
    r"\b(?:network|internet)(?:\s+access)?\s*(?:\bis\b|:|=|\|)?\s*"
    r"(?:allowed|on\b|yes\b|true|enabled|permitted|needed|required)"
    r"|\b(?:allow|needs?|with|may use)\s+(?:the\s+)?(?:network|internet)\b",
    re.IGNORECASE,
)


def _use(verb: str, adjective: str) -> re.Pattern[str]:
    """Compile a pattern for paths right after a verb, or right before an adjective."""
    return re.compile(
        rf"^(?P<before>.*?)(?:\b{verb}\b[^`.;]{{0,40}}?(?P<after>{PATHS})"
        rf"|(?P<such>{PATHS})\s+(?:is|are|stays?)\s+{adjective}\b)",
        re.IGNORECASE | re.DOTALL,
    )


_READS = _use("read(?:s|ing|able)?", "(?:readable|read-only)")
_WRITES = _use("writ(?:e|es|ing|able)", "writable")
_DENIAL = re.compile(r"\b(?:not|never|no|cannot|can't|don't)\b", re.IGNORECASE)
_LABEL = 2  # words at most beside a path, as in `Data set: ...`; a sentence has more
Said = Statement[str]
Parts = tuple[list[Said], list[Statement[bool]], list[Said], list[Said]]


def read_environment(document: Document, place: Place) -> tuple[Environment, int | None]:
    """Return the environment, and the first line that describes it."""
    entry = document.front.get("environment")
    parts = _front(entry) if entry else _in_sections(document, place)
    variables, network, readable, writable = parts
    for variable in variables:
        check_variable(variable)
    for path in readable:
        _check_readable(path, place)
    for path in writable:
        _check_writable(path, place)
    allowed = agree("network", network)
    environment = Environment(
        variables=_values(variables),
        network=bool(allowed and allowed.value),
        readable=_values(readable),
        writable=_values(writable),
    )
    lines = [said.line for part in parts for said in part if said.line]
    return environment, min(lines, default=None)


def _values(statements: list[Said]) -> tuple[str, ...]:
    """Return the values, each once."""
    return tuple(dict.fromkeys(said.value for said in statements))


def _front(entry: Entry) -> Parts:
    parts = entry.keys("variables", "network", "readable", "writable")
    listed = {
        key: parts[key].statements() if key in parts else []
        for key in ("variables", "readable", "writable")
    }
    network = [_yes_or_no(parts["network"])] if "network" in parts else []
    return listed["variables"], network, listed["readable"], listed["writable"]


def _yes_or_no(entry: Entry) -> Statement[bool]:
    answer = entry.text().strip().lower()
    if answer in ("true", "yes", "on", "allowed", "false", "no", "off", "none"):
        return Statement(answer in ("true", "yes", "on", "allowed"), entry.line, answer)
    raise bad_value(f"`network` is `{answer}`; it must be yes or no", entry.line)


def _in_sections(document: Document, place: Place) -> Parts:
    sections = document.proper("environment")
    if not sections:
        return [], [], [*_caches(document.blocks)], []
    everything = [block for section in sections for block in section.body]
    variables = [said for block in everything for said in said_variables(block)]
    names = {said.value for said in variables}
    blocks = [block for block in everything if block.kind != "code"]
    spanned = [place.spanned(block) for block in blocks]
    read: list[Said] = []
    written: list[Said] = []
    for block in spanned:
        read += (said for said in _used(block, _READS) if said.value not in names)
        written += _used(block, _WRITES)
    _check_spans(spanned, names | {said.value for said in (*read, *written)}, place)
    return variables, [said for block in blocks for said in _network(block)], read, written


def _check_spans(blocks: Iterable[Block], understood: set[str], place: Place) -> None:
    """Raise ProgramError for a path without words that tell its use."""
    for block in blocks:
        words = re.sub(r"`[^`]*`", "", block.text).split()
        for span in block.spans if len(words) <= _LABEL else ():
            path = Path(span.text).expanduser()
            is_path = place.exists(span.text) or (path.is_absolute() and path.exists())
            if is_path and span.text not in understood:
                raise ProgramError(
                    f"`{span.text}` has no permission beside it; write `A run may read` or "
                    "`A run may write` before it",
                    line=span.line,
                )


def _caches(blocks: Iterable[Block]) -> Iterator[Said]:
    """Yield the existing folders in the user's cache that prose names: data lie there."""
    for block in blocks:
        for code_span in block.spans:
            if (
                re.match(r"~/\.cache/[\w-]", code_span.text)
                and Path(code_span.text).expanduser().is_dir()
            ):
                yield Statement(code_span.text, code_span.line)


def _network(block: Block) -> Iterator[Statement[bool]]:
    for sentence, line_number in sentences(block):
        if _DENIED.search(sentence) or _ALLOWED.search(sentence):
            yield Statement(not _DENIED.search(sentence), line_number, sentence)
        elif re.search(r"\bnetwork\b", re.sub(r"`[^`]*`", "", sentence), re.IGNORECASE):
            raise ProgramError(
                f"`{' '.join(sentence.split())}` is unclear about the network; write "
                "`network allowed` or `no network`",
                line=line_number,
            )


def _used(block: Block, use: re.Pattern[str]) -> Iterator[Said]:
    """Yield the paths that `use` matches, if nothing denies it."""
    for sentence, line_number in sentences(block):
        match = use.search(sentence)
        named = "after" if match and match["after"] else "such"
        if match and not _DENIAL.search(sentence[: match.start(named)]):
            for path in re.findall(r"`([^`]+)`", match[named]):
                yield Statement(path, line_number)


def _check_readable(said: Said, place: Place) -> None:
    """Refuse to open a folder with keys: the home folder, or one above it."""
    if Path.home().resolve().is_relative_to(_resolved(said, place)):
        raise bad_path(
            f"`{said}` includes your home folder and its keys; name a folder inside it", said.line
        )


def _check_writable(said: Said, place: Place) -> None:
    """Refuse to open the project: a run could change its own measurement."""
    if Path(os.path.realpath(place.project)).is_relative_to(_resolved(said, place)):
        raise bad_path(
            f"`{said}` includes the project, which no run may write; name a folder outside it",
            said.line,
        )


def _resolved(said: Said, place: Place) -> Path:
    if "$" in said.value:
        raise bad_path(f"`{said}` has a variable; write the path itself", said.line)
    return Path(os.path.realpath(place.project / Path(said.value).expanduser()))
