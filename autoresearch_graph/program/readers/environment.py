"""The environment of a run: variables, network, readable and writable paths."""

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from autoresearch_graph.core.program import Environment
from autoresearch_graph.core.text import is_credential
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program.paths import Place, bad_path
from autoresearch_graph.program.readers.claims import PATHS
from autoresearch_graph.program.text.document import Document, sentences
from autoresearch_graph.program.text.front_matter import Entry
from autoresearch_graph.program.text.markdown import Block
from autoresearch_graph.program.text.quantities import Statement, agree, bad_value

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


_NO_NETWORK = re.compile(
    r"\b(?:no|without|not)\s+(?:\w+\s+)?(?:network|internet)\b|\boffline\b"
    r"|\b(?:network|internet)(?:\s+access)?\s*(?:\bis\b|:|=|\|)?\s*"
    r"(?:not\b|no\b|off\b|none\b|denied|forbidden|disabled|false)",
    re.IGNORECASE,
)
_NETWORK = re.compile(
    r"\b(?:network|internet)(?:\s+access)?\s*(?:\bis\b|:|=|\|)?\s*"
    r"(?:allowed|on\b|yes\b|true|enabled|permitted|needed|required)"
    r"|\b(?:allow|needs?|with|may use)\s+(?:the\s+)?(?:network|internet)\b",
    re.IGNORECASE,
)
_USES = {
    use: re.compile(
        rf"^(?P<before>.*?)(?:\b{verb}\b[^`.;]{{0,40}}?(?P<after>{PATHS})"
        rf"|(?P<such>{PATHS})\s+(?:is|are|stays?)\s+{adjective}\b)",
        re.IGNORECASE | re.DOTALL,
    )
    for use, verb, adjective in (
        ("readable", "read(?:s|ing|able)?", "(?:readable|read-only)"),
        ("writable", "writ(?:e|es|ing|able)", "writable"),
    )
}
_DENIAL = re.compile(r"\b(?:not|never|no|cannot|can't|don't)\b", re.IGNORECASE)
_LABEL = 2  # words at most beside a path, as in `Data set: ...`; a sentence has more
Said = Statement[str]


def read_environment(document: Document, place: Place) -> tuple[Environment, int | None]:
    """Return the environment, and the first line that describes it."""
    entry = document.front.get("environment")
    parts, network = _front(entry) if entry else _in_sections(document, place)
    for variable in parts["variables"]:
        check_variable(variable)
    for path in (*parts["readable"], *parts["writable"]):
        _check_path(path, place, is_written=path in parts["writable"])
    allowed = agree("network", network)
    lines = [said.line for part in parts.values() for said in part]
    lines += [said.line for said in network]
    environment = Environment(
        network=bool(allowed and allowed.value),
        **{key: tuple(dict.fromkeys(said.value for said in part)) for key, part in parts.items()},
    )
    return environment, min((line for line in lines if line), default=None)


def _front(entry: Entry) -> tuple[dict[str, list[Said]], list[Statement[bool]]]:
    keys = entry.keys("variables", "network", "readable", "writable")
    parts = {
        key: keys[key].statements() if key in keys else []
        for key in ("variables", "readable", "writable")
    }
    if "network" not in keys:
        return parts, []
    answer = keys["network"].text().strip().lower()
    allowed = answer in ("true", "yes", "on", "allowed")
    if not allowed and answer not in ("false", "no", "off", "none"):
        raise bad_value(f"`network` is `{answer}`; it must be yes or no", keys["network"].line)
    return parts, [Statement(allowed, keys["network"].line, answer)]


def _in_sections(
    document: Document, place: Place
) -> tuple[dict[str, list[Said]], list[Statement[bool]]]:
    everything = [block for s in document.proper("environment") for block in s.body]
    variables = [said for block in everything for said in said_variables(block)]
    blocks = [place.spanned(block) for block in everything if block.kind != "code"]
    parts = {"variables": variables} | {
        use: [said for block in blocks for said in _used(block, pattern)]
        for use, pattern in _USES.items()
    }
    names = {said.value for said in variables}
    parts["readable"] = [said for said in parts["readable"] if said.value not in names]
    understood = {said.value for part in parts.values() for said in part}
    for block in blocks:
        _check_spans(block, understood, place)
    if not document.proper("environment"):
        parts["readable"] = [*_caches(document.blocks)]
    return parts, [said for block in blocks for said in _said_of_network(block)]


def _check_spans(block: Block, understood: set[str], place: Place) -> None:
    """Raise ProgramError for a path without words that tell its use."""
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
    for span in (span for block in blocks for span in block.spans):
        if re.match(r"~/\.cache/[\w-]", span.text) and Path(span.text).expanduser().is_dir():
            yield Statement(span.text, span.line)


def _said_of_network(block: Block) -> Iterator[Statement[bool]]:
    for sentence, line in sentences(block):
        denied = _NO_NETWORK.search(sentence)
        if denied or _NETWORK.search(sentence):
            yield Statement(not denied, line, sentence)
        elif re.search(r"\bnetwork\b", re.sub(r"`[^`]*`", "", sentence), re.IGNORECASE):
            raise ProgramError(
                f"`{' '.join(sentence.split())}` is unclear about the network; write "
                "`network allowed` or `no network`",
                line=line,
            )


def _used(block: Block, use: re.Pattern[str]) -> Iterator[Said]:
    """Yield the paths that `use` matches, if nothing denies it."""
    for sentence, line in sentences(block):
        match = use.search(sentence)
        named = "after" if match and match["after"] else "such"
        if match and not _DENIAL.search(sentence[: match.start(named)]):
            for path in re.findall(r"`([^`]+)`", match[named]):
                yield Statement(path, line)


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
