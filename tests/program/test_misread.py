"""What could be read wrongly is an error with its line, or is shown as prose: never guessed."""

from pathlib import Path

import pytest

from autoresearch_graph.core.program import Noise
from autoresearch_graph.errors import ProgramError
from tests.support.programs import make_project, read_parts, read_text, sentence, text_of


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project", "train.py", "prepare.py", "other.py")


@pytest.mark.parametrize(
    ("body", "at", "words"),
    [
        ("5 minutes,\nkilled after 7", "killed", "`7` is not a duration; write it with its unit"),
        ("5 minutes. Kill at 10.", "5 minutes", "`10` is not a duration"),
        ("5 minutes (killed after `7`)", "5 minutes", "`7` is not a duration"),
        ("5 minutes\n\n```\nkilled after 7\n```", "killed", "`7` is not a duration"),
        ("5 minutes, killed after an hour", "5", "`an hour` is not a duration"),
        ("5 minutes, killed after twenty minutes", "5", "`twenty minutes` is not a duration"),
        ("A run:\n10 parsecs, killed after 20 seconds", "10 p", "`10 parsecs` is not a duration"),
        ("Between 5 and 10 minutes.", "Between", "`Between 5 and 10 minutes` is a range"),
        ("Five to ten minutes.", "Five", "`Five to ten minutes` is a range"),
    ],
)
def test_a_number_that_no_time_box_takes_is_refused(
    project: Path, body: str, at: str, words: str
) -> None:
    assert words in sentence(project, {"Time box": body}, at)


def test_a_heading_that_kills_without_a_unit_is_refused(project: Path) -> None:
    heading = "Time box: 5 minutes, killed after 7"
    words = sentence(project, {"Time box": "", heading: "So."}, f"## {heading}")

    assert "`7` is not a duration" in words


@pytest.mark.parametrize(
    ("said", "noise"),
    [
        ("Confirm each improvement twice.", Noise(confirmations=2)),
        ("No confirmation runs.", Noise()),
        ("Keep only if better by more than `0.01`.", Noise(minimum_improvement=0.01)),
        ("minimum improvement 0.01 in bits, and the baseline twice",
         Noise(minimum_improvement=0.01, baseline_runs=2)),
        ("The metric is deterministic.", Noise(rule="deterministic", baseline_runs=1)),
        ("Training is not deterministic.", Noise()),
    ],
)  # fmt: skip
def test_noise_may_be_said_in_a_sentence(project: Path, said: str, noise: Noise) -> None:
    assert read_parts(project, {"Noise": said}).noise == noise


@pytest.mark.parametrize(
    "body",
    [
        "minimum improvement of 2 sigma",
        "minimum improvement -0.1",
        "minimum improvement: 0,01",
        "-1 confirmation runs",
        "Confirm every improvement.",
        "Confirm every 3 keeps.",
        "Repeat all of it twice.",
    ],
)
def test_noise_without_a_plain_number_is_refused(project: Path, body: str) -> None:
    assert "is not understood; write `baseline 3 times`" in sentence(project, {"Noise": body}, body)


def test_what_is_called_deterministic_has_to_be_clear(project: Path) -> None:
    words = sentence(project, {"Noise": "All of it is deterministic."}, "All of it")
    assert "is not understood; write `deterministic`" in words


@pytest.mark.parametrize(
    "said",
    ["stop if stuck for 20 experiments", "no progress in 20 experiments", "stalled for 20"],
)
def test_to_be_stuck_is_no_improvement(project: Path, said: str) -> None:
    stopping = read_parts(project, {"Stopping criteria": said}).stopping

    assert stopping.model_dump(exclude_none=True) == {"without_improvement": 20}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("2 hours without improvement", "is not understood"),
        ("no improvement in 2 hours", "is not understood"),
        ("no improvement for 2.5 hours", "is not understood"),
        ("20 experiments in a row that fail", "is not understood"),
        ("between 5 and 10 hours", "`between 5 and 10 hours` is a range"),
        ("five to ten experiments", "is not understood"),
        ("8 hours, or after twenty runs", "is not understood"),
        ("-1 experiments", "is not understood"),
        ("-$10", "is not understood"),
    ],
)
def test_a_limit_on_something_else_is_refused(project: Path, body: str, words: str) -> None:
    assert words in sentence(project, {"Stopping criteria": f"- {body}"}, f"- {body}")


@pytest.mark.parametrize(
    ("said", "variables"),
    [
        ("- `http_proxy`\n- no_proxy", ("http_proxy", "no_proxy")),
        ("- MY_VAR\n- `HOME`", ("MY_VAR", "HOME")),
        ("- Variables: HOME, LANG and lower", ("HOME", "LANG", "lower")),
        ("- Variables: none", ()),
        ("```\nMY_VAR\nexport lang  # why\n```", ("MY_VAR", "lang")),
        ("Only `numpy` is there. Never pass MY_VAR. Reads /data/MY_DIR.", ()),
    ],
)
def test_a_variable_may_be_bare_where_it_can_be_nothing_else(
    project: Path, said: str, variables: tuple[str, ...]
) -> None:
    assert read_parts(project, {"Environment": said}).environment.variables == variables


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("- `torch`", "`torch` may be a variable; write `Variables: torch`, or a sentence"),
        ("- GPU", "GPU may be a variable"),
        ("- Variables: see the README", "`Variables: see the README` names no variable"),
        ("- MY_VAR=3", "`MY_VAR=3` gives a value"),
        ("    pip install x", "`pip install x` is not a variable name; a code block lists"),
    ],
)
def test_what_may_or_may_not_be_a_variable_is_refused(project: Path, body: str, words: str) -> None:
    assert words in sentence(project, {"Environment": body}, body)


@pytest.mark.parametrize(
    ("said", "constraint"),
    [
        ("- `a` must never exceed 5", "a <= 5"),
        ("- `a` must not be above 5", "a <= 5"),
        ("- `a` is not below 5", "a >= 5"),
        ("- `a` cannot exceed 5", "a <= 5"),
        ("- keep `a` under `5`", "a < 5"),
        ("- **`a`** must be less than or equal to 5", "a <= 5"),
        ("A plain paragraph. `a` <= 5", "a <= 5"),
        ("| x | y | z |\n|-|-|-|\n| `a_mb` | at most 5 | MB |", "a_mb <= 5"),
        ("| x | y | z |\n|-|-|-|\n| `a` | <= 5 | what the card has |", "a <= 5"),
    ],
)
def test_a_sentence_that_begins_with_the_name_is_checked(
    project: Path, said: str, constraint: str
) -> None:
    (read_,) = read_parts(project, {"Constraints": said}).constraints

    assert str(read_) == constraint


@pytest.mark.parametrize(
    "item",
    [
        "It is fine if `a` > 5",
        "prefer `a` < 5",
        "~~`a` <= 5~~",
        "`a` may be above 5",
        "`a` <= 5 unless it is late",
        "`a` == 0",
        "`a` <= 5 < `b`",
        "`train.py` stays below 200 lines",
        "`train.py` <= 200",
        "`a` stays below 200 lines",
        "`total_seconds` <= 1h 30m",
    ],
)
def test_what_is_no_constraint_is_listed_as_unchecked(project: Path, item: str) -> None:
    program = read_parts(project, {"Constraints": f"- `mb` <= 3\n- {item}"})

    assert [str(constraint) for constraint in program.constraints] == ["mb <= 3"]
    assert program.unchecked == (item,)


def test_the_rest_of_a_constraint_that_has_a_number_is_unchecked(project: Path) -> None:
    program = read_parts(project, {"Constraints": "- `a` <= 5 and `b` >= 3 and at least 2"})

    assert [str(constraint) for constraint in program.constraints] == ["a <= 5", "b >= 3"]
    assert program.unchecked == ("at least 2",)


def test_what_is_unchecked_is_bounded(project: Path) -> None:
    items = "\n".join(f"- {'no ' * 50}{number}" for number in range(25))

    unchecked = read_parts(project, {"Constraints": items}).unchecked

    assert (len(unchecked), unchecked[-1]) == (21, "and 5 more")
    assert max(map(len, unchecked)) == 100


@pytest.mark.parametrize("bound", ["0,9", "0,900", "5-10", "1.5.2"])
def test_a_bound_that_is_no_plain_number_is_refused(project: Path, bound: str) -> None:
    words = sentence(project, {"Constraints": f"- `mb` <= 3\n- `a` >= {bound}"}, "- `a`")

    assert words == f"`{bound}` is not a number; write it as in `0.9` or `48000`"


@pytest.mark.parametrize(
    "said", ["not lower is better but higher: `acc`", "`acc`: not lower is better"]
)
def test_a_direction_that_is_denied_is_none(project: Path, said: str) -> None:
    words = sentence(project, {"Metric": said}, said)

    assert "the metric `acc` has no direction; write `lower is better` or" in words


def test_a_denied_direction_beside_a_stated_one_does_not_count(project: Path) -> None:
    said = "`acc`: not lower is better, higher is better."

    assert read_parts(project, {"Metric": said}).metric.direction == "higher"


def test_what_a_prompt_printed_is_no_command(project: Path) -> None:
    block = "```\n$ python train.py \\\n    --fast\nepoch 1\n$ sync\n```"

    command = read_parts(project, {"Experiment": block}).experiment

    assert command == "python train.py \\\n    --fast\nsync"


def front(project: Path, text: str) -> str:
    with pytest.raises(ProgramError) as caught:
        read_text(project, f"{text}\n{text_of({})}")
    return str(caught.value)


@pytest.mark.parametrize("first", ["asset: other.py", "asset: other.py\r"])
def test_front_matter_may_follow_blank_lines(project: Path, first: str) -> None:
    program = read_text(project, f"\n\n---\n{first}\n---\n{text_of({})}")

    assert (program.asset, program.lines["asset"], program.lines["metric"]) == ("other.py", 4, 16)


def test_a_rule_below_blank_lines_is_no_front_matter(project: Path) -> None:
    text = text_of({"Ideas": "---"})

    assert read_text(project, f"\n---\nGoal: to be fast.\n\n{text}").asset == "train.py"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("\n---\nchekc: x\n---", ":3: the front matter has no key `chekc`"),
        ("\n---\nasset: other.py\n", ":1: the front matter is not closed"),
        ("\n+++\nasset = 'x'\n+++", ":2: front matter in TOML is not supported; write YAML"),
        ("---\ncheck: false\n---", ":2: `check` is `false`, which is not a command"),
        ("---\nevaluation: 0\n---", ":2: `evaluation` is `0`, which is not a command"),
        ("---\nstopping: {experiments: -1}\n---", ":2: `-1 experiments` is not understood"),
        ("---\nstopping: {dollars: -1}\n---", ":2: `$-1` is not understood"),
        ("---\nconstraints: [acc >= 5 or 6]\n---", ":2: `acc >= 5 or 6` is not a constraint"),
        ("---\na: &a [*a]\n---", ":2: `*a` is an alias, which is not supported"),
        (f"---\ncheck: {'[' * 500}{']' * 500}\n---", "the front matter is nested too deeply"),
    ],
)
def test_front_matter_that_would_be_misread_is_refused(
    project: Path, text: str, words: str
) -> None:
    assert words in front(project, text)


@pytest.mark.parametrize("null", ["null", "~", ""])
def test_an_optional_key_that_is_null_is_absent(project: Path, null: str) -> None:
    text = f"---\nevaluation: {null}\ncheck: {null}\nnoise: {null}\n---\n{text_of({})}"

    program = read_text(project, text)

    assert (program.evaluation, program.check, program.noise) == (None, None, Noise())
