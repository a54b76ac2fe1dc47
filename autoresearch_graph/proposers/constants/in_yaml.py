"""YAML: scalars that are reached through keys, found by the marks that PyYAML leaves."""

import re
from collections.abc import Iterator
from dataclasses import replace

import yaml

from autoresearch_graph.proposers.constants.constant import Leaf

Path = tuple[str, ...]
PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")  # an anchor and a tag, before their literal
STRING = re.compile(r"(?:^|\s)!\S*str\s")
SCALARS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "bool", "str"))


def leaves(text: str) -> Iterator[Leaf]:
    """Every scalar under a key, in order, an anchored one once; raises yaml.YAMLError."""
    roots = list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    seen: set[int] = set()
    for index, root in enumerate(roots):
        for leaf in _leaves(root, (str(index),) if len(roots) > 1 else (), seen):
            before = PROPERTIES.match(text, leaf.start)
            if before and not STRING.search(before[0]):
                yield replace(leaf, start=before.end())


def _leaves(node: yaml.Node, path: Path, seen: set[int]) -> Iterator[Leaf]:
    if id(node) in seen:
        return
    seen.add(id(node))
    match node:
        case yaml.MappingNode():
            for key, value in node.value:
                yield from _leaves(value, (*path, str(key.value)), seen)
        case yaml.SequenceNode():
            for index, item in enumerate(node.value):
                if not isinstance(item, yaml.ScalarNode):
                    yield from _leaves(item, (*path, str(index)), seen)
        case yaml.ScalarNode(tag=tag) if path and tag in SCALARS:
            yield Leaf(".".join(path), node.start_mark.index, node.end_mark.index)
