"""The constants of an asset: where they stand in its text, and how to write new values there.

Python: UPPER_CASE names assigned once at module level. JSON, TOML and YAML: scalars that are
reached through keys, named by their dotted path (`model.layers.0.width`). Numbers and booleans
count as they are; a comment at the end of the line gives choices, to strings too:
`OPTIMIZER = "adamw"  # one of: "adamw", "muon"`. A single choice pins a constant. Names with
SEED in them, names that stand there twice, lists, expressions and what a format cannot say in
plain literals are left alone.
"""

from autoresearch_graph.proposers.constants.constant import Constant, Scalar
from autoresearch_graph.proposers.constants.literals import write
from autoresearch_graph.proposers.constants.text import (
    describe,
    find,
    find_some,
    respell,
    rewrite,
    skeleton,
)

__all__ = [
    "Constant",
    "Scalar",
    "describe",
    "find",
    "find_some",
    "respell",
    "rewrite",
    "skeleton",
    "write",
]
