"""Literals as people write them: reading a value, and writing another in the same style."""

import re
from dataclasses import dataclass
from decimal import Decimal

Scalar = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Leaf:
    """A literal that a name stands for: the characters `start` to `end` of the text."""

    name: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Constant:
    """A value that may be tuned; `raw` is its literal as written, `choices` all it may be."""

    name: str
    value: Scalar
    raw: str
    start: int
    end: int
    choices: tuple[Scalar, ...] = ()


DIGITS = r"\d+(?:_\d+)*"
INTEGER = re.compile(r"[-+]?\s*(?:0|[1-9]\d*(?:_\d+)*)")
FLOAT = re.compile(rf"[-+]?\s*(?:{DIGITS}\.?(?:{DIGITS})?|\.{DIGITS})(?:[eE][-+]?\d+)?")
POWER = re.compile(r"(?P<base>\d+)(?P<stars>\s*\*\*\s*)(?P<exponent>\d+)")
SCIENTIFIC = re.compile(r"(?P<mantissa>[^eE]+)(?P<e>[eE])(?P<sign>[-+]?)(?P<digits>\d+)")
QUOTED = re.compile(r"""(?P<quote>["'])[^"'\\\n]*(?P=quote)""")
WORD = re.compile(r"[A-Za-z][\w./-]*")
BOOLEANS = {"true": True, "false": False}
CHOICES = re.compile(r"[ \t,;)\]}]*#.*?\bone of:(?P<choices>.*)")
SMALLEST_FIXED = Decimal("1e-8")  # what is smaller has eight zeros after the point
SMALL = "1.0e-9"  # the style of what is smaller
LARGEST_EXPONENT = 64  # of a power of 2 to 16
LONGEST = 100  # characters of a literal; what is longer is no number to tune
SMALLEST, LARGEST = 1e-100, 1e100  # products of two such floats are finite


def read(raw: str) -> Scalar | None:
    """Return the value of a literal; None for one that is not plain (hexadecimal, infinite)."""
    if len(raw) > LONGEST:
        return None
    if raw.lower() in BOOLEANS:
        return BOOLEANS[raw.lower()]
    if INTEGER.fullmatch(raw):
        return int("".join(raw.split()))
    if FLOAT.fullmatch(raw):
        value = float("".join(raw.split()))
        return value if value == 0 or SMALLEST < abs(value) < LARGEST else None
    if power := POWER.fullmatch(raw):
        return _power(int(power["base"]), int(power["exponent"]))
    return _string(raw)


def _power(base: int, exponent: int) -> int | None:
    in_reach = 2 <= base <= 16 and 1 <= exponent <= LARGEST_EXPONENT
    return int(base**exponent) if in_reach else None


def _string(raw: str) -> str | None:
    if QUOTED.fullmatch(raw):
        return raw[1:-1]
    return raw if WORD.fullmatch(raw) else None


def write(raw: str, value: Scalar) -> str:
    """Return the literal for `value` in the style of `raw`: quotes, notation and underscores."""
    match value:
        case bool():
            return _boolean(raw, value)
        case int():
            return _integer(raw, value)
        case float():
            return _float(raw, value)
        case str():
            return _quoted(raw, value)


def _quoted(raw: str, value: str) -> str:
    bare = "" if WORD.fullmatch(value) else '"'
    quote = raw[0] if QUOTED.fullmatch(raw) else bare
    return f"{quote}{value}{quote}"


def _boolean(raw: str, value: bool) -> str:
    word = str(value)
    return word.lower() if raw.islower() else word.upper() if raw.isupper() else word


def _integer(raw: str, value: int) -> str:
    if power := POWER.fullmatch(raw):
        base, exponent = int(power["base"]), 1
        while base**exponent < value:
            exponent += 1
        if base**exponent == value:
            return f"{base}{power['stars']}{exponent}"
    return f"{value:_}" if "_" in raw else str(value)


def _float(raw: str, value: float) -> str:
    """Write in scientific notation if `raw` does, or if a fixed point would need eight zeros."""
    exact = Decimal(repr(value)).normalize()
    model = raw if abs(exact) >= SMALLEST_FIXED else SMALL
    if exact and (style := SCIENTIFIC.fullmatch(raw) or SCIENTIFIC.fullmatch(model)):
        return _scientific(exact, style)
    fixed = format(exact, "f")
    return fixed if "." in fixed else fixed + ".0"


def _scientific(exact: Decimal, style: re.Match[str]) -> str:
    """Write with a point in the mantissa if there was one; YAML reads a string without it."""
    exponent = exact.adjusted()
    mantissa = format(exact.scaleb(-exponent).normalize(), "f")
    if "." in style["mantissa"] and "." not in mantissa:
        mantissa += ".0"
    sign = "-" if exponent < 0 else "+" if style["sign"] == "+" else ""
    return f"{mantissa}{style['e']}{sign}{abs(exponent):0{len(style['digits'])}d}"


def choices(rest: str, value: Scalar) -> tuple[Scalar, ...] | None:
    """Return the values that a comment in the rest of the line allows.

    They are empty without such a comment, and None for one that cannot be read.
    """
    comment = CHOICES.match(rest)
    if comment is None:
        return ()
    found: list[Scalar] = []
    for item in filter(None, map(str.strip, comment["choices"].split(","))):
        other = read(item)
        if other is None or not _alike(value, other):
            return None
        found.append(float(other) if isinstance(value, float) else other)
    if not found:
        return None
    return tuple(dict.fromkeys(found if value in found else [value, *found]))


def _alike(value: Scalar, other: Scalar) -> bool:
    """Return True for two booleans, two numbers or two strings."""
    if isinstance(value, bool | str) or isinstance(other, bool | str):
        return type(value) is type(other)
    return True
