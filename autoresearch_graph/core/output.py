"""Metrics, read from the output of a run; pure, and safe on any text.

Three dialects are read, and of several matches for a name the last one counts:

    val_bpb: 0.9979          a name, a colon or an equals sign, and a number, alone on their line
    METRIC val_bpb=0.9979    the word METRIC before them
    {"val_bpb": 0.9979}      a JSON object on one line, or on several at the end

A metric that is a mean over items may be followed by them: `val_bpb_items: [0.98, 1.01]`.

A name is a letter or `_`, then letters, digits and any of `_ . / @ -`. A number may end in a
per cent sign (93.1 % is read as 93.1), and in the unit that the name ends with (`peak_mb: 310 MB`).
After METRIC any unit is allowed that does not contradict the name's. The unit is kept with the
number, so that `900 ms` and `1.2 s` are not compared as 900 and 1.2. A count may follow:
`accuracy: 0.45 (9/20)`. Other lines with a unit do not count, and neither do thousands separators:
`1,234` is 1.234 to many people. If the last line of a name cannot be read (a METRIC line, or one
with `1,234` or `900 ms`), the name has no number: an earlier line is not the result.
"""

import json
import math
import re
import unicodedata
from collections.abc import Collection, Iterator
from typing import NamedTuple

from autoresearch_graph.core.text import clean, one_line

NAMES = 64
ITEMS = 2_000
_LINE_LENGTH = 1_000
_JSON_LENGTH = 64 * 1024
_NAME = r"[^\W\d][\w./@-]{0,99}"
# Possessive, because a run chooses the text: no part of a number is matched twice.
DECIMAL = r"[+-]?(?:\d++(?:\.\d*+)?+|\.\d++)(?:[eE][+-]?\d++)?+"
_NUMBER = rf"(?:{DECIMAL}|[+-]?(?i:nan|inf(?:inity)?))"
_COUNT = r"(?:\s+\(\d++\s*/\s*\d++\))?"  # of items, as in `0.45 (9/20)`
_PAIR = re.compile(
    rf"(?P<metric>METRIC\s+)?(?P<name>{_NAME})\s*[:=]\s*(?P<number>{_NUMBER})"
    r"(?P<unit>\s*%|\s*[^\W\d_][\w/%]{0,19})?"
    rf"{_COUNT}"
)
# A number's own letters, which are no unit: those of 0x10, 0b11, 1e, and a word such as `nano`.
_NO_UNIT = re.compile(r"[+-]?(?:0[xX][\da-fA-F]+|0[bBoO]\d+|[\d.eE+-]+[eE]|[^\d\s]+)")
# What looks like the number of a name and is none: 1,234 or 1.2.3 or 0.03 ± 0.001.
_GARBLED = re.compile(
    rf"METRIC\s+(?P<declared>{_NAME})\s*[:=].*"
    rf"|(?P<name>{_NAME})\s*[:=]\s*[+-]*\.?\d(?:[^\s()]*{_COUNT}|.*(?:±|\+/-).*)"
)
_UNITS = (
    ("ns", "nanoseconds"), ("us", "µs", "microseconds"), ("ms", "msec", "milliseconds"),
    ("s", "sec", "secs", "second", "seconds"), ("m", "min", "mins", "minutes"), ("h", "hours"),
    ("b", "bytes"), ("kb",), ("mb",), ("gb",), ("tb",), ("kib",), ("mib",), ("gib",), ("tib",),
)  # fmt: skip
_UNIT = {unicodedata.normalize("NFKC", name): names[0] for names in _UNITS for name in names}
_SIZES = ("k", "m", "g", "t")  # of thousands, millions and more, as `ls -h` prints them
_ITEMS = re.compile(rf"^[ \t]*{_NAME}_items[ \t]*:[ \t]*\[.*(?:\n|$)", re.MULTILINE)
_NEAR = 60  # characters after a name in which its number is looked for, for advice alone
_WRAPPER = re.compile(r"\b[\w.]*(?:tensor|array|float|int)\d*\(", re.IGNORECASE)
_TOKEN = re.compile(r"(?<![\w.])[+-]*\.?\d(?:[\w.,:/]|(?<=[eE])[+-])*|\b(?i:nan|inf)\b")
_RANGE = re.compile(r"\s*(?:-|/|\.\.|of|to)\s*\d")  # 0.5-0.7, 5 of 10
_GROUPED = re.compile(r"[+-]?[1-9]\d{0,2}(?:[,_]\d{3})+(?:\.\d+)?")


def without_items(text: str) -> str:
    """Return `text` without the lines that give a metric item by item, which only verdicts use."""
    return _ITEMS.sub("", text)


class Reading(NamedTuple):
    """A number and the unit that it was printed with; empty if the name has it, or none."""

    value: float
    unit: str = ""


def read_metrics(text: str, *, wanted: Collection[str] = ()) -> dict[str, Reading]:
    """Return every number that `text` reports, in the order of its last mention.

    NaN and infinity are in it, so that a metric that is not finite can be told from one that is
    missing. Of more than `NAMES` names the latest are kept, and the `wanted` ones always.
    """
    found: dict[str, Reading] = {}
    for name, reading in _pairs(clean(text).split("\n")):
        found.pop(name, None)
        if reading is not None:
            found[name] = reading
    return bounded(found, NAMES, wanted=wanted)


def read_items(text: str, name: str) -> tuple[float, ...]:
    """Read the items of a metric from the last line of the form `name_items: [0.5, 1, ...]`.

    Empty if there is no such line, or no JSON list of at most `ITEMS` finite numbers on it.
    """
    lead = f"{name}_items:"
    lines = [line.strip() for line in clean(text).split("\n") if line.strip().startswith(lead)]
    printed = lines[-1].removeprefix(lead) if lines else ""
    try:
        values = json.loads(printed, parse_int=float) if len(printed) <= _JSON_LENGTH else None
    except (ValueError, RecursionError):
        return ()
    if not isinstance(values, list) or len(values) > ITEMS:
        return ()
    return tuple(values) if all(_is_finite(value) for value in values) else ()


def _is_finite(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def how_to_print(text: str, name: str) -> str:
    """Say how to print a metric, by the last line that has its name; empty if none has."""
    own = re.escape(name)
    loose = re.sub(r"_|\\-", "[ _-]", own)
    for spelt, flags in ((own, re.NOFLAG), (loose, re.IGNORECASE)):
        named = re.compile(rf"(?<![\w./@-]){spelt}(?![\w/@-]|\.\w)", flags)
        lines = [line for line in clean(text).split("\n") if named.search(line[:_LINE_LENGTH])]
        if lines:
            line = lines[-1][:_LINE_LENGTH].strip()
            *_, found = named.finditer(line)
            return f"; {_advice(name, line, line[found.end() :])}; its last line is: {line}"
    return ""


def _advice(name: str, line: str, after: str) -> str:
    """Say how to print it, by the text after the name."""
    pair = _PAIR.fullmatch(line)
    near = _WRAPPER.sub("(", after[:_NEAR])
    token = _TOKEN.search(near)
    told = ""
    if token and not _RANGE.match(near, token.end()):
        told = token[0].rstrip(".,:-/")
    if pair and pair["unit"] and not _NO_UNIT.fullmatch(pair["number"] + pair["unit"]):
        if re.split(r"[^\w]|_", name.lower())[-1] in _UNIT:
            return f"print `{name}: <number>` in the unit of its name"
        unit = pair["unit"].strip()
        return f"print `METRIC {name}={pair['number']} {unit}`, always in the same unit"
    if re.fullmatch(_NUMBER, told):
        return f"print `{name}: {told}` on a line of its own"
    if _GROUPED.fullmatch(told):
        return f"print `{name}: {re.sub('[,_]', '', told)}`, without separators"
    if told:
        return f"`{told}` is not read as a number: print a decimal one, as in `{name}: 0.5`"
    return f"print `{name}: <number>` on a line of its own"


def bounded(
    metrics: dict[str, Reading], size: int, *, wanted: Collection[str] = ()
) -> dict[str, Reading]:
    """Return at most `size` metrics: the `wanted` ones and, of the others, the last."""
    others = [name for name in metrics if name not in wanted]
    surplus = set(others[: max(0, len(metrics) - size)])
    return {name: number for name, number in metrics.items() if name not in surplus}


def _pairs(lines: list[str]) -> Iterator[tuple[str, Reading | None]]:
    """Yield each name with its number, or with None for a line that makes it unknown."""
    for line in lines:
        stripped = line.strip() if len(line) <= _LINE_LENGTH else ""
        if pair := _PAIR.fullmatch(stripped):
            yield from _in_a_line(pair)
        elif garbled := _GARBLED.fullmatch(stripped):
            yield garbled["declared"] or garbled["name"], None
        elif line.lstrip().startswith("{") and len(line) <= _JSON_LENGTH and "}" in line:
            yield from _object(line.strip())
    yield from _object(_at_the_end(lines))


def _in_a_line(pair: re.Match[str]) -> Iterator[tuple[str, Reading | None]]:
    """Yield the reading of a line with one name and one number; nothing if it is prose.

    M and m, MB and Mb, KB and KiB stay different units.
    """
    name, number, declared = pair["name"], pair["number"], bool(pair["metric"])
    printed = pair.groupdict("")["unit"]
    unit = unicodedata.normalize("NFKC", printed).strip()
    if unit and _NO_UNIT.fullmatch(number + printed):
        yield name, None
    elif not unit or _is_own(unit, name):
        yield name, Reading(float(number))
    elif unit == "%" or (declared and _own_unit(name) not in _UNIT):
        yield name, Reading(float(number), _UNIT.get(unit, unit))
    elif declared or unit.lower() in (*_UNIT, *_SIZES):
        yield name, None


def _unit(word: str) -> str:
    """Return a unit in its one spelling, clean and short enough to be shown."""
    plain = unicodedata.normalize("NFKC", clean(word)).strip()[:20]
    return _UNIT.get(plain, plain)


def _is_own(unit: str, name: str) -> bool:
    """Return True if a name ends with this unit, in whatever spelling."""
    return _UNIT.get(unit.lower(), unit.lower()) == _own_unit(name)


def _own_unit(name: str) -> str:
    """Return the last word of a name, in the one spelling of a unit if it is one."""
    last = re.split(r"[^\w]|_", unicodedata.normalize("NFKC", name.lower()))[-1]
    return _UNIT.get(last, last)


def _at_the_end(lines: list[str]) -> str:
    """Return the object on several lines that ends the text, from `{` to `}`; else empty."""
    ends = len("\n".join(lines).rstrip().split("\n"))
    if lines[ends - 1] != "}":
        return ""
    begins = next((line for line in range(ends - 1, -1, -1) if lines[line] == "{"), ends)
    text = "\n".join(lines[begins:ends])
    return text if len(text) <= _JSON_LENGTH else ""


def _object(line: str) -> Iterator[tuple[str, Reading | None]]:
    """Yield the top-level numbers of a JSON object, and None for a name that has no number.

    A unit may be a key, too: `{"loss": 12.5, "unit": "ms"}`. Many programs write `null` for the
    number of a diverged run.
    """
    try:
        values = json.loads(line, parse_int=float)
    except (ValueError, RecursionError):
        return
    for key, value in values.items() if isinstance(values, dict) else ():
        name = one_line(key)[:100]
        if not isinstance(value, float):
            yield name, None
            continue
        beside = (values.get(word) for word in (f"{key}_unit", "unit", "units"))
        unit = next((_unit(word) for word in beside if isinstance(word, str)), "")
        yield name, Reading(value, "" if _is_own(unit, name) else unit)
