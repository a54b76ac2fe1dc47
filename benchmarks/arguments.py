"""Command lines of the benchmarks, with errors of one sentence."""

from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable


def parser(documentation: str | None) -> ArgumentParser:
    """Return a parser whose help is the docstring of a benchmark."""
    return ArgumentParser(description=documentation, formatter_class=RawDescriptionHelpFormatter)


def at_least(least: int) -> Callable[[str], int]:
    """Return a converter that takes whole numbers from `least` up."""

    def convert(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise ArgumentTypeError(f"{text!r} is not a whole number from {least} up")
        return int(text)

    return convert
