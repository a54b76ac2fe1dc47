"""Limits of a program.md that cannot be understood or contradict each other."""

from pathlib import Path

import pytest

from tests.support.programs import make_project, sentence


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", "train.py", "prepare.py")


@pytest.mark.parametrize(
    ("body", "at", "words"),
    [
        ("5 parsecs", "5 parsecs", "`5 parsecs` is not a duration; write it with its unit, as in"),
        ("- killed after 9 s\n- 5 parsecs", "- 5 parsecs", "`5 parsecs` is not a duration"),
        ("About\n500 ms.", "500 ms", "`500 ms` is not a duration"),
        ("0 minutes", "0 minutes", "`0 minutes` must be more than 0 and at most 7 days"),
        ("-5 minutes", "-5", "`-5 minutes` must be more than 0"),
        ("8 days", "8 days", "`8 days` must be more than 0 and at most 7 days"),
        ("5-10 minutes", "5-10", "`5-10 minutes` is a range; give one duration"),
        ("5 to 10 minutes", "5 to", "`5 to 10 minutes` is a range; give one duration"),
        ("1,5 minutes", "1,5", "is not a duration"),
        ("- 5 minutes\n- 6 minutes", "- 6",
         "the time box is `6 minutes` here but `5 minutes` on line 21; keep one of them"),
        ("5 minutes, killed after\n4 minutes", "4 minutes",
         "a run is killed after 240 s, before the end of its time box of 300 s"),
    ],
)  # fmt: skip
def test_a_time_box_that_is_no_single_duration_is_refused(
    project: Path, body: str, at: str, words: str
) -> None:
    assert words in sentence(project, {"Time box": body}, at)


def test_two_bounds_for_one_thing_are_a_contradiction(project: Path) -> None:
    words = sentence(project, {"Rules": "- `mb` <= 3\n- `mb` >= 1\n- `mb` < 5"}, "- `mb` < 5")

    assert words == "the bound for mb is `mb < 5` here but `mb <= 3` on line 29; keep one of them"


@pytest.mark.parametrize(
    ("body", "at", "words"),
    [
        ("- baseline 3 times\n- baseline twice", "- baseline twice",
         "the number of baseline runs is `baseline twice` here but `baseline 3 times` on line 29"),
        ("- minimum improvement 5 %", "5 %", "`minimum improvement 5 %` is not understood; write"),
        ("- 3 blue moons", "3 blue", "`3 blue moons` is not understood; write `baseline 3 times`"),
        ("- baseline 0 times", "baseline 0", "the baseline must run at least once"),
    ],
)  # fmt: skip
def test_noise_that_is_not_understood_is_refused(
    project: Path, body: str, at: str, words: str
) -> None:
    assert words in sentence(project, {"Noise": body}, at)


@pytest.mark.parametrize(
    ("body", "at", "words"),
    [
        ("- when it rains", "- when",
         "`when it rains` is not understood; write `100 experiments`, `8 hours`, `20 experiments "
         "without improvement`, `target: 0.97`, `2M tokens`, `$10` or `never stop`"),
        ("- plateau", "- plateau", "`plateau` is not understood"),
        ("- 100 experiments or 3 moons", "- 100", "is not understood"),
        ("- 2.5 experiments", "- 2.5", "`2.5 experiments` is not understood"),
        ("- `acc` above 95%", "- `acc`", "`acc` is not the metric, which is `val_bpb`"),
        ("- `val_bpb` above 0.97", "- `val_bpb`", "lower is better for val_bpb"),
        ("- `val_bpb` below 5 s", "- `val_bpb`", "has a unit; give the target as val_bpb is"),
        ("- 100 experiments\n- 50 experiments", "- 50",
         "the limit on experiments is `50 experiments` here but `100 experiments` on line 25"),
        ("- 8 hours\n- 30 minutes", "- 30",
         "the limit on time is `30 minutes` here but `8 hours` on line 25"),
        ("- 8 hours\n- never stop", "- never",
         "`never stop` is here but `8 hours` on line 25; keep one of them"),
        ("- 0 experiments", "- 0", "`0 experiments` must be more than 0"),
        ("- 0.2 tokens", "- 0.2", "`0.2 tokens` must be more than 0"),
        ("- 1e999 tokens", "- 1e999", "`1e999` is too large a number"),
    ],
)  # fmt: skip
def test_a_stopping_criterion_that_is_not_understood_is_refused(
    project: Path, body: str, at: str, words: str
) -> None:
    assert words in sentence(project, {"Stopping criteria": body}, at)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("Pass `OPENAI_API_KEY`.", "`OPENAI_API_KEY` looks like a credential, which a run never"),
        ("- `HF_TOKEN`", "`HF_TOKEN` looks like a credential"),
        ("- `DB_PASSWORD`", "`DB_PASSWORD` looks like a credential"),
        ("- `CUDA_VISIBLE_DEVICES=1`", "write `CUDA_VISIBLE_DEVICES` and set it where"),
        ("- The network is nice.", "is unclear about the network; write `network allowed`"),
        ("- It may write `~`.", "`~` includes the project, which no run may write"),
        ("- It may read `~/`.", "`~/` includes your home folder and its keys"),
        ("- It may read `/`.", "`/` includes your home folder and its keys"),
        ("- It may write `$HOME/x`.", "`$HOME/x` has a variable; write the path itself"),
    ],
)
def test_an_environment_that_would_open_too_much_is_refused(
    project: Path, body: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(project.parent))

    assert words in sentence(project, {"Environment": body}, body)


def test_a_network_both_allowed_and_denied_is_a_contradiction(project: Path) -> None:
    words = sentence(project, {"Environment": "- No network.\n- Network allowed."}, "- Network")

    assert "the network is `Network allowed.` here but `No network.` on line 29" in words
