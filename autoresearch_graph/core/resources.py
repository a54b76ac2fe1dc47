"""Texts that ship with the code, read at import.

The package may be upgraded while a research runs for days; code and texts stay of one version.
"""

from functools import cache
from importlib.resources import files

_KINDS = (".html", ".md", ".css", ".js")


@cache
def texts(package: str) -> dict[str, str]:
    """Read the templates, styles and scripts of a folder of the package, by their names."""
    found = (entry for entry in files("autoresearch_graph").joinpath(package).iterdir())
    return {entry.name: entry.read_text("utf-8") for entry in found if entry.name.endswith(_KINDS)}
