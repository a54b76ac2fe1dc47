"""View and edit the draft of the asset."""

from collections import Counter
from collections.abc import Iterator

from langchain.tools import ToolRuntime, tool

from autoresearch_graph.asset.files import LARGEST
from autoresearch_graph.tools.session import EditSession, ToolRefused

_LINES = 2000  # shown at once; as in the file tools that models know
_ALIKE = 0.5  # share of common characters from which lines are shown as the nearest; chosen


@tool(parse_docstring=True)
def read_file(
    runtime: ToolRuntime[EditSession], offset: int = 1, limit: int = _LINES, path: str = ""
) -> str:
    """Read the file that you may edit, as your draft has it now, with line numbers.

    Args:
        offset: The first line to read, from 1.
        limit: How many lines to read at most.
        path: Which file, where you may edit several.
    """
    name, text = runtime.context.read(path)
    lines = _lines(text)
    shown = lines[max(offset, 1) - 1 :][: max(limit, 1)]
    if not shown:
        raise ToolRefused(f"{name} has {len(lines)} lines; choose an offset within")
    return _numbered(shown, first=max(offset, 1))


@tool(parse_docstring=True)
def edit_file(
    old_string: str, new_string: str, runtime: ToolRuntime[EditSession], path: str = ""
) -> str:
    """Replace an exact text of the file, which must occur in it once, by another.

    Args:
        old_string: The text to replace, with its white space, without line numbers.
        new_string: The text to put in its place.
        path: Which file, where you may edit several.
    """
    name, text = runtime.context.read(path)
    old_string, new_string = _typed(old_string), _typed(new_string)
    if len(old_string) > LARGEST:
        raise ToolRefused(f"old_string has {len(old_string)} characters; {LARGEST} at most")
    count = text.count(old_string) if old_string else 0
    if count == 1:
        text = text.replace(old_string, new_string)
        runtime.context.put(path, text)
        return f"replaced; {name} has {len(_lines(text))} lines now"
    if count:
        raise ToolRefused(f"old_string occurs {count} times; give more of the lines around it")
    raise ToolRefused(f"old_string does not occur in {name}. {_nearest(text, old_string)}")


@tool(parse_docstring=True)
def write_file(content: str, runtime: ToolRuntime[EditSession], path: str = "") -> str:
    """Replace the whole file.

    Args:
        content: The new text of the file.
        path: Which file, where you may edit several.
    """
    name = runtime.context.named(path)
    text, before = _typed(content), runtime.context.files.get(name, "")
    if before.endswith("\n") or not before:
        text = text if text.endswith("\n") else text + "\n"
    runtime.context.put(path, text)
    return f"written; {name} has {len(_lines(text))} lines now"


@tool(parse_docstring=True)
def remove_file(path: str, runtime: ToolRuntime[EditSession]) -> str:
    """Remove a file from your draft. To rename one, write it under its new path first.

    Args:
        path: Which file.
    """
    return f"removed; there are {', '.join(runtime.context.remove(path))} now"


def _lines(text: str) -> list[str]:
    """Return the lines as a parser counts them: only a line feed ends one."""
    return text.removesuffix("\n").split("\n") if text else []


def _typed(text: str) -> str:
    """Return a text of the model with line feeds alone, as it sees the file."""
    return text.replace("\r\n", "\n")


def _numbered(lines: list[str], *, first: int) -> str:
    return "\n".join(f"{number:6d}\t{line}" for number, line in enumerate(lines, start=first))


def _nearest(text: str, wanted: str) -> str:
    """Show the lines that are most like the wanted ones, to a model that misremembered."""
    lines, size = _lines(text), max(1, len(_lines(wanted)))
    shares = list(_likeness(lines, f"{wanted}\n", size))
    best = max(shares, default=0.0)
    if best < _ALIKE:
        return "Nothing in it is like that; read the file again."
    start = shares.index(best)
    shown = lines[start : start + size]
    inked, shown_ink = "".join(wanted.split()), "".join("".join(shown).split())
    if not inked or inked not in shown_ink:
        return f"Nearest to it:\n{_numbered(shown, first=start + 1)}"
    quoted = _numbered([repr(line) for line in shown], first=start + 1)
    return f"Only white space differs. Written as in Python, the file has:\n{quoted}"


def _likeness(lines: list[str], wanted: str, size: int) -> Iterator[float]:
    """Yield the share of characters that `size` lines have in common with a text, for each start.

    A window moves by one line at a time, so the time for each line does not grow with the text.
    """
    wanted_times = Counter(wanted)
    window, length, common = Counter[str](), 0, 0
    for end, line in enumerate(lines, start=1):
        for char in f"{line}\n":
            common += window[char] < wanted_times[char]
            window[char] += 1
        length += len(line) + 1
        if end < size and end != len(lines):
            continue
        yield 2 * common / (length + len(wanted))
        first = lines[end - size] if end >= size else ""
        for char in f"{first}\n":
            window[char] -= 1
            common -= window[char] < wanted_times[char]
        length -= len(first) + 1
