import json
import tomllib
from typing import Any

import pytest
import yaml

from autoresearch_graph.asset.constants import find, rewrite
from autoresearch_graph.asset.files import pack
from autoresearch_graph.errors import InputError

JSON = """\
{
\t"model": {"depth": 4, "name": "gpt \\"x\\"", "tied": true},
\t"layers": [ {"width": 64}, {"width": 32} ],
\t"betas": [0.9, 0.95], "nothing": null, "seed": 7,
\t"größe": 1e-3
}
"""
YAML = """\
# the model
model: {depth: 4, tied: true}   # small
layers:
  - width: 64
  - width: 32
betas: [0.9, 0.95]
rate: 1.0e-3     # the rate
optimizer: adamw # one of: adamw, muon
quoted: 'a b'    # one of: 'a b', c
nothing: null
base: &base
  drop: 0.5
other: *base
octal: 0o17
"""
TOML = """\
# the model
title = "gpt"
model.depth = 4   # layers
rate = 1e-3
rows = 1_000
optimizer = 'adamw'  # one of: "adamw", "muon"
when = 1979-05-27
betas = [0.9, 0.95]
inline = { drop = 0.5, tied = true } # both

[[layers]]
width = 64
[[layers]]
width = 32

[fruit]
apple = 5
[animal]
legs = 4
[fruit.orange]
pips = 3
"""
CASES = [
    ("a.json", JSON, json.loads),
    ("a.yaml", YAML, yaml.safe_load),
    ("a.yml", YAML.replace("\n", "\r\n"), yaml.safe_load),
    ("a.toml", TOML, tomllib.loads),
    ("b.toml", TOML.replace("\n", "\r\n"), tomllib.loads),
]


def found(text: str, path: str) -> dict[str, Any]:
    return {constant.name: constant.value for constant in find(text, path)}


def at(tree: Any, path: str) -> Any:
    for key in path.split("."):
        tree = tree[int(key)] if isinstance(tree, list) else tree[key]
    return tree


def test_json_scalars_are_named_by_their_path():
    assert found(JSON, "a.json") == {
        "model.depth": 4,
        "model.tied": True,
        "layers.0.width": 64,
        "layers.1.width": 32,
        "größe": 0.001,
    }


def test_yaml_scalars_are_named_by_their_path_and_an_anchored_one_once():
    assert found(YAML, "a.yaml") == {
        "model.depth": 4,
        "model.tied": True,
        "layers.0.width": 64,
        "layers.1.width": 32,
        "rate": 0.001,
        "optimizer": "adamw",
        "quoted": "a b",
        "base.drop": 0.5,
    }


def test_a_literal_behind_an_anchor_a_tag_or_a_mark_is_found_and_rewritten_in_its_place():
    text = "\ufefflr: &lr 0.1\nwarm: *lr\nwidth: !!int &w 3\nname: !!str 0.5\nkey: !Ref 4\n"
    assert found(text, "a.yaml") == {"lr": 0.1, "width": 3}
    new = rewrite(text, "a.yaml", {"lr": 0.2, "width": 7})
    assert new == text.replace("0.1", "0.2").replace("3", "7")
    assert found("a: !include b.yaml\nb: 2\n---\nb: 3\n", "a.yml") == {"0.b": 2, "1.b": 3}
    for path, text in (
        ("a.py", "\ufeffA = 1\n"),
        ("a.json", '\ufeff{"A": 1}'),
        ("a.toml", "\ufeffA = 1"),
    ):
        assert rewrite(text, path, {"A": 2}) == text.replace("1", "2")
    assert find("A = 1  # one of: 1, 2\rB = 5\r", "a.py")[0].choices == (1, 2)
    several = pack({"a.yaml": "x: 1\n", "b.yaml": "{% if a %}\nx: 2\n"})
    assert found(several, "*.yaml") == {"x": 1}


def test_toml_scalars_are_named_by_their_path():
    assert found(TOML, "a.toml") == {
        "model.depth": 4,
        "rate": 0.001,
        "rows": 1000,
        "optimizer": "adamw",
        "inline.drop": 0.5,
        "inline.tied": True,
        "layers.0.width": 64,
        "layers.1.width": 32,
        "fruit.apple": 5,
        "animal.legs": 4,
        "fruit.orange.pips": 3,
    }


@pytest.mark.parametrize(("path", "text", "parse"), CASES)
def test_writing_the_same_values_changes_nothing(path, text, parse):
    assert rewrite(text, path, found(text, path)) == text


@pytest.mark.parametrize(("path", "text", "parse"), CASES)
def test_a_new_value_is_what_a_parser_reads_back_and_nothing_else_changes(path, text, parse):
    new: dict[Any, Any] = {True: False, "adamw": "muon", "a b": "c", 0.001: 0.00002, 0.5: 0.00005}
    constants = find(text, path)
    assert constants
    for constant in constants:
        value = new.get(constant.value, constant.value * 2)
        rewritten = rewrite(text, path, {constant.name: value})
        tree, before = parse(rewritten), parse(text)
        assert at(tree, constant.name) == value
        assert type(at(tree, constant.name)) is type(at(before, constant.name))
        end = len(text) - constant.end
        assert rewritten[: constant.start] == text[: constant.start]
        assert rewritten[len(rewritten) - end :] == text[constant.end :]


def test_two_keys_that_have_one_path_are_left_alone():
    assert found('{"a.b": 1, "a": {"b": 2}, "c": 3}', "a.json") == {"c": 3}


def test_a_number_that_yaml_takes_for_a_string_keeps_its_notation():
    assert rewrite("rate: 1e-3\n", "a.yaml", {"rate": 0.002}) == "rate: 2e-3\n"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.json", '{"a": 1,}'),
        ("a.json", ""),
        ("a.yaml", "a: [1\n"),
        ("a.toml", "a = \n"),
        ("a.toml", "a = 1\na = 2\n"),
    ],
)
def test_a_text_that_is_broken_is_an_input_error_of_one_line(path, text):
    with pytest.raises(InputError, match=f"^{path} cannot be parsed by the lab: .+$") as raised:
        find(text, path)
    assert "\n" not in str(raised.value)


def test_an_empty_document_has_no_constants():
    assert found("", "a.yaml") == found("", "a.toml") == found("[1, 2]", "a.json") == {}
