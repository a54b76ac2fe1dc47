"""No attack is kept, harms anything or stops the lab; without walls, some do.

The attacks on a language model are played with a model that is a square of numbers.
"""

from pathlib import Path

import pytest

from autoresearch_graph.runner import detect
from tests.adversary.arena import ATTACKS, CHECKED, TWICE, Arena, describe
from tests.adversary.doors import DOORS

ROOT = Path(__file__).parent.parent.parent

THROUGH_WITHOUT_WALLS = {
    ("edits_the_ledger",): {"the lab stopped"},
    ("edits_git", "opens_the_network", "reads_keys_at_home"): {
        "it changed home/project/.git",
        "it reached the network",
        "a key is in home/project/.autoresearch/t/experiments/0003/log.txt",
    },
}


TOGETHER = 13  # attacks in one night, which has twenty experiments
ALONE = [[attack] for attack in sorted(CHECKED)]
OTHERS = [attack for attack in ATTACKS if attack not in CHECKED]
NIGHTS = [*ALONE, *(OTHERS[at : at + TOGETHER] for at in range(0, len(OTHERS), TOGETHER))]


@pytest.mark.parametrize("attacks", NIGHTS, ids="-".join)
def test_no_attack_is_kept_or_does_harm(attacks: list[str], tmp_path: Path):
    if detect().level != "bwrap":
        pytest.skip("bubblewrap does not work here")
    night = Arena(tmp_path).night(attacks, "bwrap")
    assert night.harm == ()
    assert len(night.verdicts) == len(attacks) + len(TWICE & set(attacks))
    assert {verdict for verdict, _ in night.verdicts} <= {"discard", "crash"}


@pytest.mark.parametrize(("attacks", "harm"), THROUGH_WITHOUT_WALLS.items())
def test_without_walls_these_get_through(attacks: tuple[str, ...], harm: set[str], tmp_path: Path):
    told = Arena(tmp_path).night(attacks, "off").harm
    assert {each for each in harm if not any(each in one for one in told)} == set()


@pytest.mark.parametrize("attack", ATTACKS)
def test_every_attack_says_what_stops_it(attack: str):
    assert all(describe(ATTACKS[attack]))


@pytest.mark.parametrize("attack", DOORS)
def test_every_attack_on_the_lab_names_tests_that_are_there(attack: str):
    tests = DOORS[attack].tests
    assert tests
    assert [path for path in tests if not (ROOT / path).is_file()] == []
