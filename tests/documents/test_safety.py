"""docs/safety.md promises what is attacked, and every attack is behind a promise."""

import re
from pathlib import Path

import pytest

from tests.adversary.arena import ATTACKS
from tests.adversary.doors import DOORS
from tests.adversary.models import ATTACKS as MODELS

REPOSITORY = Path(__file__).parent.parent.parent
KNOWN = {*ATTACKS, *MODELS, *DOORS}
PAGE = (REPOSITORY / "docs" / "safety.md").read_text()
TABLES = re.findall(r"\| promise \| attacks \|\n\|---\|---\|\n((?:\|.*\n)+)", PAGE)
PROMISES = [row.strip("|").rsplit("|", 1) for table in TABLES for row in table.strip().split("\n")]


@pytest.mark.parametrize(("promise", "attacks"), PROMISES)
def test_each_promise_names_attacks_that_are_tried(promise: str, attacks: str):
    named = re.findall(r"`(\w+)`", attacks)
    assert named, promise
    assert set(named) <= KNOWN


def test_every_attack_is_behind_a_promise():
    assert {name for _, attacks in PROMISES for name in re.findall(r"`(\w+)`", attacks)} == KNOWN


def test_the_page_says_what_it_does_not_cover():
    missing = PAGE.partition("## What is not covered")[2]
    for part in ("machine", "time box", "mark", "proposal", "server"):
        assert f"**The {part}.**" in missing


def test_the_readme_promises_no_more_than_the_page():
    readme = (REPOSITORY / "README.md").read_text()
    assert "with walls" in readme.partition("**The asset does not mark its own work**")[2][:400]
