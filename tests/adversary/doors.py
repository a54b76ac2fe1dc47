"""Attacks on the lab itself, rather than by a run: each is tried for real by the tests it names."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Door:
    """What an attack tries, what stops it, and the tests that try it, as pytest names them."""

    tries: str
    stopped: str
    tests: tuple[str, ...]


DOORS = {
    "writes_beyond_the_asset": Door(
        "Names a path outside the asset in 40 spellings: by tools, a text, a review, a pattern, a "
        "link.",
        "one function decides what belongs to the asset, and files are laid out without following "
        "links.",
        ("tests/workspace/test_paths_outside.py",),
    ),
    "marks_its_own_work": Door(
        "Has a file edited that program.md denies, or that a command of the evaluation runs.",
        "such a file is never an asset; where two readings exist, it is an error with both lines.",
        ("tests/program/test_denied.py",),
    ),
    "wedges_the_lab": Door(
        "Proposes texts that a diff, a parser or a search for near matches takes hours for.",
        "git makes patches of long texts, and whatever reads a text has a bound.",
        ("tests/asset/test_slow_texts.py",),
    ),
    "sets_a_bar_that_is_forged": Door(
        "Reports a learning curve that is too good, so that better runs are ended early.",
        "only a curve whose end agrees with the measured metric sets a bar.",
        ("tests/core/test_pruning.py",),
    ),
    "asks_the_server_from_a_website": Door(
        "Sends 61 requests of a stranger to `langgraph dev`, and names addresses and projects.",
        "a guard before every route, and lists of what a request may name in the environment.",
        ("tests/studio/test_guard.py",),
    ),
    "asks_the_report_from_a_website": Door(
        "Asks `report --serve` under another host's name, and for other files.",
        "it answers for this machine alone, and never takes an address for a file's name.",
        ("tests/report/test_live.py",),
    ),
    "hides_behind_a_second_name": Door(
        "Leaves what is hidden readable under a link, a hard link or the name of another mount.",
        "every name is masked, and a look from within the box proves it before the first run.",
        ("tests/runner/test_hidden_proof.py", "tests/runner/test_walls.py"),
    ),
    "tells_by_an_error": Door(
        "Has an evaluation fail with what is hidden in its message, its output or its warning.",
        "a model is told the exception's class and its line, and no log.",
        ("tests/runner/test_trust.py",),
    ),
    "reads_the_score_as_an_oracle": Door(
        "Reads a small test set off the metric, probe by probe, and hands in a table.",
        "`check` and report warn, and a holdout that fell back vetoes `adopt`.",
        ("tests/results/test_holdout.py",),
    ),
    "opens_a_formula": Door(
        "Describes its idea as a formula that a spreadsheet would run.",
        "such words get a quotation mark in results.tsv.",
        ("tests/storage/test_ledger.py",),
    ),
    "speaks_out_of_the_fence": Door(
        "Puts instructions for a model into keys, names, errors, ideas and marks of messages.",
        "what others wrote is fenced, bounded and marked as data.",
        ("tests/proposers/test_brief.py",),
    ),
    "calls_an_operator_with_bad_input": Door(
        "Calls each operator that an evaluation admits with sizes and places that are none.",
        "the list has only operators that check what they get; the rest is looked at before.",
        ("tests/pretraining/test_architectures.py", "tests/pretraining/test_exported.py"),
    ),
}
