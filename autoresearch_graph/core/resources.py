"""Texts that ship beside the code, read together with it, so that both are of one version.

A research goes on for days, and the package may be upgraded meanwhile.
"""

from importlib.resources import files

_KINDS = (".html", ".md", ".css", ".js")


def texts(package: str) -> dict[str, str]:
    """Templates, styles and scripts of a folder of the package, by their names."""
    found = (entry for entry in files("autoresearch_graph").joinpath(package).iterdir())
    return {entry.name: entry.read_text("utf-8") for entry in found if entry.name.endswith(_KINDS)}
