"""The incumbent is measured again: when, what it changes, and what is left after a kill."""

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from random import Random

import pytest

from autoresearch_graph import research
from autoresearch_graph.core.experiment import (
    Candidate,
    Crashed,
    Incumbent,
    Measured,
    Proposal,
    Verdict,
    row,
)
from autoresearch_graph.core.incumbent import IncumbentEstimate, NoiseEstimate
from autoresearch_graph.core.judging import judge
from autoresearch_graph.core.output import read_items
from autoresearch_graph.core.program import Noise, Program
from autoresearch_graph.report import write_report
from autoresearch_graph.results.records import Records, load
from autoresearch_graph.state import State, from_ledger
from tests.support.agreement import assert_agreement
from tests.support.experiments import experiment
from tests.support.projects import PROGRAM, make_project, opened, run

NOISY = """\
import os, random
X = 3.0
luck = random.Random(f"{X} {os.environ['AUTORESEARCH_SEED']}")
print("loss:", (X - 1.0) ** 2 + luck.gauss(0, 0.1))
"""
BALANCED = PROGRAM.replace("- deterministic", "- balanced").replace("- 30 exp", "- 60 exp")
BEST = Incumbent(number=4, commit="c" * 40, metric=1.0, runs=3, trials=3)
KNOWN = IncumbentEstimate(incumbent=BEST, spread=NoiseEstimate(squares=0.2, freedom=20))
PARTS = {
    "path": "program.md",
    "text": "",
    "asset": "a.py",
    "metric": {"name": "loss", "direction": "lower"},
    "experiment": "python a.py",
    "time_box": {"seconds": 1, "kill_after": 2},
}


def noisy(x: float) -> str:
    return NOISY.replace("3.0", repr(x))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "p", program=BALANCED, text=NOISY)


def proposed(number: int) -> Proposal:
    texts = {"commit": f"{number:040d}", "parent": "", "author": "search", "description": ""}
    return Proposal.model_validate({"number": number, **texts})


def checkpoint(lab) -> State:
    from autoresearch_graph.storage.checkpoints import open_checkpoints

    with open_checkpoints(lab.store.folder / "checkpoints.sqlite") as saver:
        saved = saver.get_tuple({"configurable": {"thread_id": lab.store.tag}})
    names = State.model_fields.keys()
    values = saved.checkpoint["channel_values"].items()
    return State.model_validate({key: value for key, value in values if key in names})


def test_a_noisy_research_keeps_what_is_better_and_its_ledger_rebuilds_where_it_stands(
    project: Path,
):
    texts = [noisy(2.0), *(noisy(5.0 + n) for n in range(1, 33)), noisy(1.2)]
    with opened(project, texts) as lab:
        research.run(lab)
        ledger = lab.ledger.experiments
        saved = checkpoint(lab)
    rebuilt = from_ledger(ledger)
    assert (rebuilt.incumbent, rebuilt.spread) == (saved.incumbent, saved.spread)
    assert [len(e.trials) for e in ledger[:1]] == [3]
    assert [e.status for e in ledger[:2]] == ["keep", "keep"]
    assert "z " in ledger[1].reason
    confirmed = [e for e in ledger[1:] if len(e.trials) > 1]
    assert confirmed and all(len(e.incumbent_runs) >= len(e.trials) - 1 for e in confirmed)
    assert any(e.incumbent_runs and len(e.trials) == 1 for e in ledger)
    assert ledger[-1].status == "keep"
    assert_agreement(project, "t")


def test_every_run_of_the_incumbent_has_a_seed_of_its_own(project: Path):
    texts = [noisy(5.0 + n) for n in range(40)]
    _, experiments = run(project, texts, experiments=32)
    values = [run.metric for e in experiments for run in e.incumbent_runs]
    assert values and len(set(values)) == len(values)


def test_a_lost_checkpoint_of_a_noisy_research_is_rebuilt(project: Path):
    texts = [noisy(2.0), *(noisy(5.0 + n) for n in range(1, 33))]
    run(project, texts, experiments=20)
    (project / ".autoresearch/t/checkpoints.sqlite").unlink()
    _, experiments = run(project, texts)
    assert [e.number for e in experiments] == list(range(34))
    assert any(e.incumbent_runs for e in experiments)


def test_an_incumbent_of_a_single_run_is_measured_again_at_once_and_others_where_nothing_is_kept():
    def due(runs: int, since: int, now: IncumbentEstimate = KNOWN) -> bool:
        best = now.incumbent.model_copy(update={"runs": runs, "since": since})
        return now.model_copy(update={"incumbent": best}).due(Noise())

    assert due(1, 0)
    assert [due(2, 7), due(2, 8)] == [due(3, 7), due(3, 8)] == [False, True]
    calm = KNOWN.measured_again([Measured(metric=1.0)])
    moved = KNOWN.measured_again([Measured(metric=1.9)] * 2)
    assert [due(3, 15, calm), due(3, 16, calm), due(3, 1, moved)] == [False, True, True]
    assert not KNOWN.due(Noise(rule="fast"))


def test_a_new_run_of_the_incumbent_joins_its_mean():
    now = KNOWN.measured_again([Measured(metric=1.2)]).incumbent
    assert (now.metric, now.runs, now.trials) == (pytest.approx(1.2 / 3 + 2 / 3), 3, 4)


def test_old_runs_count_as_two_at_most_so_that_a_slow_drift_is_followed():
    many = KNOWN.model_copy(update={"incumbent": BEST.model_copy(update={"runs": 40})})
    now = many.measured_again([Measured(metric=1.3)]).incumbent
    assert (now.metric, now.runs) == (pytest.approx(1.1), 3)


def test_one_odd_run_is_no_drift_and_two_on_one_side_are():
    odd, same, other = Measured(metric=1.5), Measured(metric=1.46), Measured(metric=0.9)
    assert KNOWN.has_moved([odd]) and not KNOWN.has_drifted([odd])
    assert not KNOWN.has_drifted([odd, other])
    assert KNOWN.has_drifted([odd, same])
    now = KNOWN.measured_again([odd, same]).incumbent
    assert (now.metric, now.runs) == (pytest.approx(1.48), 2)


def test_a_run_of_the_incumbent_that_crashes_changes_no_value():
    now = KNOWN.measured_again([Crashed(cause="exit", reason="boom")]).incumbent
    assert (now.metric, now.runs, now.trials, now.since) == (1.0, 3, 4, 0)


def night(rules: Program, seed: int, drift: Callable[[int], float], effect: float) -> list[str]:
    """The verdicts on 25 changes, each of one true effect, while the machine drifts."""
    luck, runs, now, level = Random(seed), count(), IncumbentEstimate(), 0.0
    verdicts: list[str] = []

    def measured(value: float) -> Measured:
        return Measured(metric=luck.gauss(value + drift(next(runs)), 1.0))

    for number in range(26):
        gain = effect if number else 0.0
        tried, verdict, is_first = Candidate(proposal=proposed(number)), None, True
        if now.due(rules.noise):
            tried = tried.model_copy(update={"incumbent_runs": (measured(level),)})
        while not isinstance(verdict, Verdict):
            fresh = len(tried.outcomes)
            if fresh:
                is_first = luck.random() < 0.5 if fresh % 2 else not is_first
            mine, its = tried.outcomes, tried.incumbent_runs
            if is_first:
                mine = (*mine, measured(level + gain))
            if number and fresh:
                its = (*its, measured(level))
            mine = mine if is_first else (*mine, measured(level + gain))
            tried = tried.model_copy(update={"outcomes": mine, "incumbent_runs": its})
            again = now.measured_again(its)
            verdict = judge(tried, again.incumbent, rules, again.spread)
        level += gain * (verdict.status == "keep")
        now = now.after(row(tried, verdict, self_reported=True))
        verdicts.append(verdict.status)
    return verdicts[1:]


@pytest.mark.parametrize("rule", ["balanced", "strict"])
@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_a_drift_keeps_hardly_any_change_that_does_nothing(rule: str, direction: str):
    """In nights of 25 at most one is kept, but for one night in ten, and what helps still is."""
    metric = {"name": "loss", "direction": direction}
    rules = Program.model_validate({**PARTS, "metric": metric, "noise": Noise(rule=rule)})
    drifts: list[Callable[[int], float]] = [
        lambda run: 0.3 * run,
        lambda run: -0.3 * run,
        lambda run: 2.0 * run,
        lambda run: -2.0 * run,
        lambda run: 8.0 * (run > 20),
        lambda run: 100 * 1.01**run,
    ]
    kept = [night(rules, s, drift, 0.0).count("keep") for drift in drifts for s in range(5)]
    assert sum(k > 1 for k in kept) <= 3
    assert sum(kept) < 0.6 * len(kept)
    step = 3.0 if direction == "higher" else -3.0
    for drift in drifts[:2]:
        assert sum(night(rules, s, drift, step).count("keep") for s in range(4)) > 16


def test_what_an_incumbent_was_measured_on_is_in_the_ledger_and_other_data_change_no_value():
    row = experiment(0, trials=(Measured(metric=1.0, metrics={"data_fingerprint": 5.0}),))
    best = IncumbentEstimate().after(row).incumbent
    assert best.data == 5.0
    known = KNOWN.model_copy(update={"incumbent": BEST.model_copy(update={"data": 5.0})})
    odd = [Measured(metric=1.4, metrics={"data_fingerprint": 6.0})] * 2
    now = known.measured_again(odd).incumbent
    assert not known.has_drifted(odd)
    assert (now.metric, now.runs, now.trials) == (1.0, 3, 5)


def test_repeats_are_pooled_and_those_of_a_far_noisier_text_are_not():
    assert NoiseEstimate().with_runs([1.0, 2.0, 3.0]).sigma == 1.0
    known = NoiseEstimate(squares=20.0, freedom=20)
    assert known.with_runs([0.0, 100.0]) == known
    assert known.with_runs([0.0, 2.0]).freedom == 21
    assert (known.with_residual(0.0), known.with_residual(100.0)) == (known, known)
    assert known.with_residual(2.0) == NoiseEstimate(squares=24.0, freedom=21)


def test_what_ideas_without_effect_were_better_by_mends_a_sigma_that_began_too_low():
    luck = Random(7)
    baseline = tuple(Measured(metric=m) for m in (1.0, 1.03, 0.97))
    now = IncumbentEstimate().after(experiment(0, metric=1.0, runs=3, trials=baseline))
    assert now.sigma == pytest.approx(0.03)
    rules = Program.model_validate({**PARTS, "noise": Noise()})
    for number in range(1, 41):
        tried, verdict = Candidate(proposal=proposed(number)), None
        while not isinstance(verdict, Verdict):
            runs = (*tried.outcomes, Measured(metric=luck.gauss(1.0, 0.1)))
            beside = (*tried.incumbent_runs, Measured(metric=luck.gauss(1.0, 0.1)))[: len(runs) - 1]
            tried = tried.model_copy(update={"outcomes": runs, "incumbent_runs": beside})
            verdict = judge(tried, now.incumbent, rules, now.spread)
        now = now.after(row(tried, verdict, self_reported=True))
    assert 0.05 < now.sigma < 0.15


def test_a_ledger_from_before_there_was_noise_is_read():
    old = json.loads(experiment(0).model_dump_json())
    for name in ("runs", "beside", "luck"):
        del old[name]
    state = from_ledger([experiment(0).model_validate(old)])
    assert (state.incumbent.runs, state.spread.freedom) == (1, 0)


def test_a_drift_is_told_in_the_reason(tmp_path: Path):
    """The baseline is worse by 50 whenever it is measured again: seeds 0 to 2 are its first.

    What was bad before is better than it now, and is kept for that.
    """
    text = (
        NOISY + "if X == 3.0 and int(os.environ['AUTORESEARCH_SEED']) > 2:\n    print('loss: 54')\n"
    )
    project = make_project(tmp_path / "p", program=BALANCED, text=text)
    texts = [noisy(4.0 + n / 1e6) for n in range(1, 35)]
    _, ledger = run(project, texts, experiments=14)
    told = next(e for e in ledger if "the machine drifted" in e.reason)
    assert len(told.incumbent_runs) >= 2
    assert "later values are compared with that" in told.reason
    records = load(project / ".autoresearch/t")
    assert records is not None
    assert records.drift == pytest.approx(50, abs=1)
    assert records.baseline == pytest.approx(54, abs=1)
    sigmas = records.drift / records.estimates[-1].sigma
    words = f"the incumbent has moved by {sigmas:.1f} sigma (+50) since the baseline was measured"
    assert words in records.summary()
    assert words in write_report(records).read_text()


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("loss: 0.5\nloss_items: [0.25, 0.75]", (0.25, 0.75)),
        ("loss_items: [1]\nloss_items: [2, 3]", (2.0, 3.0)),
        ("loss_items: [1, NaN]", ()),
        ("loss_items: [1, true]", ()),
        ("loss_items: {}", ()),
        ("loss_items: [1,", ()),
        ("other_items: [1]", ()),
        (f"loss_items: {[0] * 2001}", ()),
    ],
)
def test_items_are_a_json_list_of_finite_numbers(text: str, items: tuple[float, ...]):
    assert read_items(text, "loss") == items


def test_the_records_claim_the_mean_of_all_runs_of_baseline_and_best(tmp_path: Path):
    again = (Measured(metric=1.2),)
    rows = [
        experiment(0, metric=2.0, runs=3, trials=(Measured(metric=2.0),) * 3),
        experiment(1, metric=1.0, runs=1, parent="0" * 40),
        experiment(2, status="discard", metric=3.0, incumbent_runs=again),
    ]
    program = Program.model_validate(PARTS)
    records = Records(folder=tmp_path, base="", program=program, experiments=rows)
    assert (records.baseline, records.incumbent.metric) == (2.0, pytest.approx(1.1))
    assert records.gain == pytest.approx(0.9)
