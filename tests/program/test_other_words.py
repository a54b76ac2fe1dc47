"""Limits in other words than those of the documentation: read right, or asked about."""

from pathlib import Path

import pytest

from autoresearch_graph.core.program import Program
from autoresearch_graph.errors import ProgramError
from tests.support.programs import make_project, read_text

REST = {"asset": "train.py", "metric": "val_bpb", "direction": "lower", "command": "c"}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path, "train.py")


def read_or_code(project: Path, text: str, **flags: object) -> Program | str:
    try:
        return read_text(project, text, **REST | flags)
    except ProgramError as error:
        return error.code


def boxed(said: str) -> dict[str, str]:
    """The time box as a flag, if the text has none."""
    has_box = "5 min" in said or "10 min" in said
    return {} if has_box and not said.startswith("## Stop") else {"time_box": "1 s"}


@pytest.mark.parametrize(
    ("said", "seconds", "kill_after"),
    [
        ("Each experiment must complete within **5 minutes (300 seconds)**.", 300, 600),
        ("- **Time budget**: Each experiment gets 10 minutes of training.", 600, 1200),
        (
            "Each experiment runs for at most **60 seconds** of wall clock.\n\n- It "
            "takes more than twice the budget (>120 s): kill it.",
            60,
            120,
        ),
        ("- Wall-clock budget per experiment: **15 minutes**", 900, 1800),
        ("~5 min per experiment", 300, 600),
        ("**Max runtime**: 5 minutes", 300, 600),
        ("Time per experiment: 5 minutes", 300, 600),
        ("A run takes about 5 minutes.", 300, 600),
        (
            "| Setting | Value |\n|--|--|\n| Budget | 5-minute wall-clock budget |\n| "
            "Kill | Kill runs > 10 minutes |",
            300,
            600,
        ),
        (
            "The training script runs for a **fixed time budget of 5 minutes** (wall clock).",
            300,
            600,
        ),
        ("Each run is capped at 5 minutes.", 300, 600),
        ("There is a time limit of 5 minutes.", 300, 600),
        ("`TIME_BUDGET=300`", 300, 600),
        ("```python\nTIME_BUDGET = 300  # seconds\n```", 300, 600),
        ("```python\nTIME_BUDGET = 5 * 60\n```", 300, 600),
        ("It trains for exactly 5 minutes.", 300, 600),
        ("Each run has a hard cap of 10 min.", 600, 600),
        ("```\ntimeout 600s uv run train.py\n```", 600, 1200),
        ("If a run exceeds 10 minutes, kill it.", 600, 600),
        (
            "A run has a fixed time budget of 5 minutes. If the model exceeds 100M "
            "parameters, kill the idea.",
            300,
            600,
        ),
        ("Each run gets 8h on 8xH100.", 28800, 57600),
        ("Each run gets 8 h of compute.", 28800, 57600),
        ("Training: 5m per run", 300, 600),
        ("10 min / $8 per experiment", 600, 1200),
        ("5 min/run", 300, 600),
        ("Runs are limited to 5 minutes each.", 300, 600),
        ("A run may take at most 60 s.", 60, 120),
        ("A run must not exceed 5 minutes.", 300, 600),
        ("A run should never take longer than 5 minutes.", 300, 600),
        ("Experiments take no more than 5 minutes.", 300, 600),
        ("Keep each run under 5 minutes.", 300, 600),
        ("Run each experiment for 5 minutes.", 300, 600),
        ("Total budget: 8 hours. Each run gets 5 minutes.", 300, 600),
        ("Installing takes 5 minutes. If a run exceeds 10 minutes, kill it.", 600, 600),
        ("Runs that take longer than 20 minutes are killed.", 1200, 1200),
        ("Any run over 10 minutes is terminated.", 600, 600),
        ("Abort a run after 10 minutes.", 600, 600),
        ("Training lasts 5 minutes; kill it after 7 minutes.", 300, 420),
        ("Hard timeout: 10 minutes. Time budget: 5 minutes.", 300, 600),
        ("**Timeout**: 10 minutes per experiment", 600, 600),
        ("Each run takes about 6 minutes. The time budget is 5 minutes.", 300, 600),
        ("## Time box\n\n5 minutes per run, 3 retries", 300, 600),
        ("## Budget\n\nAt present 10 min / $8 per experiment.", 600, 1200),
        ("## Budget\n\n- 5 minutes a run\n- 8 hours in all", 300, 600),
        (
            "## Budget\n\n- Stop after 100 experiments or 12 hours, whichever comes "
            "first.\n- 5 minutes a run.",
            300,
            600,
        ),
        ("## Budget\n\n- 16 GB of memory\n- 8xH100\n- 5 minutes", 300, 600),
        ("## Time limit\n\n5 minutes on stage 2", 300, 600),
        ("- 5-minute training runs", 300, 600),
        ("Each 5-minute run prints the loss.", 300, 600),
        ("Experiments: 5 minutes each", 300, 600),
        ("Each trial: 90 s", 90, 180),
        ("Training time: 5 minutes", 300, 600),
        ("Wall-clock limit: 10 min", 600, 1200),
        ("Duration: 5 minutes", 300, 600),
        ("Each experiment is allowed 5 minutes.", 300, 600),
        ("You have 5 minutes per experiment.", 300, 600),
        ("Trains for 5 minutes, then evaluates for 1 minute.", 300, 600),
        ("A 5 minute time box per run.", 300, 600),
        ("Runtime limit is 2 hours.", 7200, 14400),
        ("Context limit: 2M tokens. Time limit: 2m.", 120, 240),
        ("Kill after 10 minutes; budget 5 minutes", 300, 600),
        ("Training runs for 5 minutes. Treat runs longer than 10 minutes as failures.", 300, 600),
        ("If a run takes more than 10 minutes, abort it.", 600, 600),
        ("Each run must finish in under 90 seconds.", 90, 180),
        ("1. Train (max 5 minutes)", 300, 600),
        ("Give each experiment 5 minutes.", 300, 600),
        ("Each experiment has exactly 5 minutes of GPU time.", 300, 600),
        ("Every experiment gets 5 minutes.", 300, 600),
        ("Runs last 5 minutes.", 300, 600),
        ("**Time**: 5 minutes per run, hard limit 8 minutes", 300, 480),
        ("budget is 5 minutes wall-clock", 300, 600),
        ("Kill any run that takes > 10 minutes. Each run has a 5-minute budget.", 300, 600),
        ("Use 8 workers; each run takes 2 minutes and 30 seconds.", 150, 300),
        ("Every training run is given a wall-clock budget of 20 minutes.", 1200, 2400),
        ("The time budget for each run is 3 minutes.", 180, 360),
        ("We allow 10 minutes for each experiment.", 600, 1200),
        ("Experiments should finish within 15 min.", 900, 1800),
        ("Each experiment finishes in about 2 minutes.", 120, 240),
        ("The benchmark takes ~30 seconds.", 30, 60),
        ("Maximum training time: 10 minutes", 600, 1200),
        ("- Time limit per run: 90s", 90, 180),
        ("Time per run | 5 minutes", 300, 600),
        ("| Time per run | 5 min |\n|--|--|\n| Max runtime | 5 min |", 300, 600),
        ("Budget per experiment: 5 minutes of H100 time", 300, 600),
        ("A single run lasts no longer than 5 minutes.", 300, 600),
        ("Limit every run to 5 minutes.", 300, 600),
        ("Cap each run at 10 minutes.", 600, 1200),
        ("Runs are killed after 10 minutes.", 600, 600),
        ("The harness kills any run after 10 minutes.", 600, 600),
        ("kill it if it runs longer than 10 minutes", 600, 600),
        ("5 minutes per experiment means 12 experiments per hour.", 300, 600),
        ("A 5-minute timeout per experiment.", 300, 300),
        ("Timeout of 5 minutes per run.", 300, 300),
        ("`TIME_BUDGET_MINUTES=5`", 300, 600),
        ("Set `TIME_LIMIT: 600` in the script.", 600, 1200),
        ("Each run costs $5 and takes 20 minutes.", 1200, 2400),
        ("Each experiment: 20 min on 1 GPU", 1200, 2400),
        ("Every experiment is a 5-minute run.", 300, 600),
        ("A run has 10 minutes. Evaluation takes 2 minutes.", 600, 1200),
        ("Time box: 10 minutes. Hard kill at 15 minutes.", 600, 900),
        ("- Timeout: kill if >10 min", 600, 600),
        ("Time budget is 5 minutes; hard cap 10 minutes.", 300, 600),
        ("Fixed 300-second budget.", 300, 600),
        ("a 300 s time budget", 300, 600),
        ("Each experiment gets a budget of five minutes.", 300, 600),
        ("Each experiment gets 1h30m.", 5400, 10800),
        ("Each experiment gets 00:05:00.", 300, 600),
        ("## Time budget\n\n- Per experiment: 10 minutes\n- Total: 8 hours", 600, 1200),
        (
            "## Budget\n\n| What | Limit |\n|--|--|\n| per run | 5 minutes |\n| total | 8 hours |",
            300,
            600,
        ),
        ("## Budget\n\n- Compute: 5 minutes on 1x A100 (40 GB)\n- Money: $10", 300, 600),
        ("## Timeout\n\n10 minutes", 600, 1200),
        ("## Time box\n\n5 m", 300, 600),
    ],
)
def test_what_is_said_of_a_run_is_its_time_box(
    project: Path, said: str, seconds: float, kill_after: float
) -> None:
    program = read_or_code(project, said, experiments=1)

    assert isinstance(program, Program), program
    assert (program.time_box.seconds, program.time_box.kill_after) == (seconds, kill_after)


@pytest.mark.parametrize(
    "said",
    [
        "You can run ~12 experiments/hour overnight.",
        "If a score run goes >12 min with <10 s CPU, kill.",
        "Each experiment trains on a fixed budget of 10M samples.",
        "A fixed budget of 50M frames per experiment.",
        "If the model exceeds 100M parameters, kill it.",
        "If a run uses more than 16 GB, kill it.",
        "Train for 300k steps.",
        "Budget: 5m tokens per run",
        "5m parameters per experiment at most",
        "Run the loop for 8 hours.",
        "The loop runs for 8 hours overnight.",
        "The agent runs for about 8 hours while you sleep.",
        "Total budget: 8 hours",
        "The overall time budget is 12 hours.",
        "The whole research may take 8 hours.",
        "Wait 5 minutes between runs.",
        "Every 5 minutes a run is started.",
        "Sleep for 30 s before each experiment.",
        "Downloading the data takes about 20 minutes.",
        "The first run takes 10 minutes to compile.",
        "The baseline took 7 minutes.",
        "Each run starts with a sleep of 5 s. If a run exceeds 10 minutes, kill it.",
        "A run takes a few minutes. If it exceeds 10 minutes, kill it.",
        "The API has a rate limit of 60 s.",
        "Use a request timeout of 30 s.",
        "If the server hangs for 5 minutes, kill it.",
        "Takes ~10-15 seconds per run.",
        "Run benchmark (~30s):",
        "Run the tests (takes 2 min).",
        "## Budget\n\n- 2M tokens\n- 40 experiments",
        "## Budget\n\n16 MB",
        "In 5 minutes run the tests.",
        "One experiment = 5 minutes",
        "Setup time: 5 minutes",
        "The model has 3d convolutions and 5 s of audio.",
        "Check the log every 5 minutes while a run is going.",
        "The score improved by 5 m/s in 10 s.",
        "The script stops after 5 minutes.",
        "It has been 5 minutes since the last run.",
        "Report every 10 runs or 30 minutes.",
        "timeout 10m for the whole loop",
        "LR warmup for 5 minutes of training",
        "We will run for 10 hours tonight.",
        "You have 8 hours.",
        "The session lasts 8 hours.",
        "Overnight (8 h) you get about 100 experiments.",
        "Commit every 30 minutes.",
        "Evaluation uses 10 s clips.",
        "The audio is 30 seconds long.",
        "Latency must stay below 2 s per request.",
        "Each step takes 3 s.",
        "The dataset has 5 hours of speech.",
        "Train on 1 hour of audio per run.",
        "Each run processes 10 minutes of video.",
        "Cool down for 60 s after each run.",
        "Wait up to 5 minutes for a run to start.",
        "Poll the log every 30 s until the run ends.",
        "If no output appears for 5 minutes, kill the run.",
        "If a run produces no output for 5 minutes, kill it.",
        "If GPU is idle for more than 5 minutes, kill the run.",
        "`MAX_STEPS=300`",
        "TOTAL_TIME_BUDGET = 3600",
        "Each run uses 2m parameters.",
        "Each run gets 2M steps.",
        "Each run is limited to 10M samples.",
        "Budget per run: 100M tokens",
        "Each run must finish within 1B tokens.",
        "Runs take 5-10 minutes.",
        "Each run takes between 5 and 10 minutes.",
        "Runs take 5-10 minutes; kill after 20 minutes.",
        "Train a 3h model.",
        "Each run needs 24 GB and 5 minutes.",
        "A run is stopped after 5 minutes.",
        "The script always trains 5 minutes.",
        "Preprocessing takes 15 minutes, once.",
        "The last run took 5 minutes.",
        "Results after 5 minutes of training are compared.",
        "Each experiment has half an hour.",
        "## Time box\n\n5M",
        "If the build fails 3 times in 10 minutes, stop.",
        "At most 10 min for training and 2 min for evaluation per run.",
    ],
)
def test_what_is_said_of_something_else_is_no_time_box(project: Path, said: str) -> None:
    assert read_or_code(project, said, experiments=1) == "missing-part"


@pytest.mark.parametrize(
    "said",
    [
        "A fixed time budget of 5 minutes.\n\nLater: a time budget of 6 minutes.",
        "Each run gets 5 minutes.\n\nEach run must finish within 6 minutes.",
        "## Time budget\n\n300",
        "## Time budget\n\n5 minutes, killed after 7",
        "Time budget: 5-10 minutes per run",
        "## Budget\n\nOvernight, about 8 hours. Each run is 5 minutes.",
        "## Time limit\n\nEach run may use 5 minutes. Startup takes 30 s extra.",
        "## Time box\n\nA run takes 5 minutes, and never more than 7 minutes.",
    ],
)
def test_a_time_box_that_could_be_misread_is_refused(project: Path, said: str) -> None:
    assert read_or_code(project, said, experiments=1) in ("bad-value", "contradiction")


@pytest.mark.parametrize(
    ("said", "stopping"),
    [
        ("9. Go back to step 1. **NEVER STOP.**", {}),
        ("## NEVER STOP\n\nx", {}),
        ("```\nLOOP FOREVER:\n  edit\n```", {}),
        ("Do not pause to ask. The loop runs until the human interrupts you, period.", {}),
        ("Repeat this cycle indefinitely:", {}),
        ("After that, loop forever.", {}),
        ("Run until interrupted.", {}),
        ("Keep going until manually stopped.", {}),
        ("Continue until I stop you.", {}),
        ("**Never stop the loop** once it runs.", {}),
        ("Don't stop.", {}),
        ("You keep going until the user cancels.", {}),
        ("Loop steps 1-5 forever.", {}),
        ("Iterate endlessly.", {}),
        ("Loop until stopped.", {}),
        ("The loop never stops.", {}),
        ("Run the experiment loop indefinitely.", {}),
        ("You run autonomously until you are interrupted.", {}),
        ("Stop after 50 experiments.", {"experiments": 50}),
        ("Iterations: 20", {"experiments": 20}),
        ("- max 50 iterations", {"experiments": 50}),
        ("**Max iterations**: 50", {"experiments": 50}),
        ("Stop when val_bpb < 0.9.", {"target": 0.9}),
        ("Loop for up to 7 experiments.", {"experiments": 7}),
        ("Iterations: unlimited", {}),
        ("If there is no improvement for 20 experiments, stop.", {"without_improvement": 20}),
        ("Work until the human stops you.", {}),
        ("until i interrupt", {}),
        ("**DO NOT STOP.**", {}),
        ("Do not stop until the human interrupts.", {}),
        ("LOOP FOREVER", {}),
        ("Keep iterating forever.", {}),
        ("Keep running experiments indefinitely.", {}),
        ("The loop runs indefinitely.", {}),
        ("Never stop on your own.", {}),
        ("Continue until you are told to stop.", {}),
        ("The agent never stops by itself.", {}),
        ("Continue autonomously until interrupted.", {}),
        ("Stop after 12 hours.", {"seconds": 43200}),
        ("Stop once 100 experiments are done.", {"experiments": 100}),
        ("Stop after 30 experiments or 6 hours.", {"experiments": 30, "seconds": 21600}),
        ("Maximum 30 experiments.", {"experiments": 30}),
        ("Max experiments = 30", {"experiments": 30}),
        ("Stop after 10 experiments without improvement.", {"without_improvement": 10}),
        ("Budget: 40 experiments", {"experiments": 40}),
        ("Iterations: 20\nGuard: make test", {"experiments": 20}),
        ("Goal: faster\nIterations: 20\nGuard: make test", {"experiments": 20}),
        ("Stop when the score does not improve for 10 iterations.", {"without_improvement": 10}),
        (
            "## Stopping criteria\n\n- Stop after 5 consecutive unsuccessful experiments.",
            {"without_improvement": 5},
        ),
        ("## Stopping criteria\n\n- 5 consecutive rejections", {"without_improvement": 5}),
        ("## Stopping criteria\n\n- 5 consecutive discards", {"without_improvement": 5}),
        ("## Stopping criteria\n\n- 5 failed experiments in a row", {"without_improvement": 5}),
        ("## Stopping criteria\n\n- after 40 rounds", {"experiments": 40}),
        ("## Stopping criteria\n\n- 40 runs", {"experiments": 40}),
        ("## Stopping criteria\n\n- 40 trials", {"experiments": 40}),
        ("## Stopping criteria\n\n- 40 attempts", {"experiments": 40}),
        ("## Stopping criteria\n\n- 40 cycles", {"experiments": 40}),
        ("## Stopping criteria\n\n- max 50 iterations", {"experiments": 50}),
        ("## Stopping criteria\n\n- Iterations: 20", {"experiments": 20}),
        ("## Stopping criteria\n\n- stop when val_bpb < 0.9", {"target": 0.9}),
        ("## Stopping criteria\n\n- val_bpb reaches 85/100", {"target": 85}),
        (
            "## Stopping criteria\n\n- Human interrupt: I say stop\n- 15 iterations "
            "with no improvement",
            {"without_improvement": 15},
        ),
        (
            "## Stopping criteria\n\n- checks fail three times\n- 40 experiments",
            {"experiments": 40},
        ),
        ("## Stopping criteria\n\n- a run is 2x faster\n- 40 experiments", {"experiments": 40}),
        ("## Stopping criteria\n\n- 8 hours in all", {"seconds": 28800}),
        ("## Stopping criteria\n\n- total budget: 8 hours", {"seconds": 28800}),
        ("## Stopping criteria\n\n- $50\n- 2M tokens", {"dollars": 50, "tokens": 2000000}),
        ("## Stopping criteria\n\n- 100 experiments (about 8 hours)", {"experiments": 100}),
        ("## Stopping criteria\n\n- 20 experiments without a keep", {"without_improvement": 20}),
        ("## Stopping criteria\n\n- no keeps in 20 experiments", {"without_improvement": 20}),
        (
            "## Stopping criteria\n\n- 100 experiments or no improvement in the last 20 "
            "experiments",
            {"experiments": 100, "without_improvement": 20},
        ),
        (
            "## Stopping criteria\n\n- 100 experiments, 20 without improvement",
            {"experiments": 100, "without_improvement": 20},
        ),
        ("## Stopping criteria\n\n- 100 total experiments", {"experiments": 100}),
        ("## Stopping criteria\n\n- 3 days", {"seconds": 259200}),
        ("## Stopping criteria\n\n- 8h", {"seconds": 28800}),
        ("## Stopping criteria\n\n- one night\n- 100 experiments", {"experiments": 100}),
        ("## Stopping criteria\n\n- patience: 10 experiments", {"without_improvement": 10}),
        (
            "## Stopping criteria\n\n- Stop after 12 hours or 100 runs, whichever comes first",
            {"seconds": 43200, "experiments": 100},
        ),
        ("## Stopping criteria\n\n- until interrupted", {}),
        ("## Stopping criteria\n\nRun forever.", {}),
        ("## Stopping criteria\n\n- After 50 iterations\n- the user asks", {"experiments": 50}),
        (
            "## Stopping criteria\n\n- 24h or 200 experiments",
            {"seconds": 86400, "experiments": 200},
        ),
        ("## Stopping criteria\n\n- **100** experiments", {"experiments": 100}),
        (
            "## Stopping criteria\n\nStop when any of these holds:\n- 100 "
            "experiments\n- 10 in a row without improvement",
            {"experiments": 100, "without_improvement": 10},
        ),
        (
            "## Stopping criteria\n\n- 10 consecutive experiments without improvement",
            {"without_improvement": 10},
        ),
        (
            "## Stopping criteria\n\n- no improvement in val_bpb for 15 runs",
            {"without_improvement": 15},
        ),
        ("## Stopping criteria\n\n- 8 hours of wall clock", {"seconds": 28800}),
        ("## Stopping criteria\n\n- 1,000 experiments", {"experiments": 1000}),
        ("## Stopping criteria\n\n- budget of $25", {"dollars": 25}),
        ("## Stopping criteria\n\n- all tests pass\n- 50 experiments", {"experiments": 50}),
        ("## Stopping criteria\n\n- whichever comes first\n- 50 experiments", {"experiments": 50}),
        ("## Stopping criteria\n\n- 50 experiments unless I say otherwise", {"experiments": 50}),
        ("## Stopping criteria\n\n- more than 50 experiments", {"experiments": 50}),
        (
            "## Stopping criteria\n\n- fewer than 5 ideas left\n- 50 experiments",
            {"experiments": 50},
        ),
        ("## Stopping criteria\n\n- ten runs", {"experiments": 10}),
        ("## Stopping criteria\n\n- 10 runs in a row with no gain", {"without_improvement": 10}),
        ("## Stopping criteria\n\n- 5 consecutive reverts", {"without_improvement": 5}),
        ("## Stopping criteria\n\n- cost exceeds $50", {"dollars": 50}),
        ("## Stopping criteria\n\n- time exceeds 8 hours", {"seconds": 28800}),
        ("## Budget\n\n- 5 minutes a run\n- 8 hours in all", {"seconds": 28800}),
        ("## Budget\n\n- 2M tokens\n- 40 experiments", {"tokens": 2000000, "experiments": 40}),
        (
            "## Budget\n\n- Stop after 100 experiments or 12 hours, whichever comes "
            "first.\n- 5 minutes a run.",
            {"experiments": 100, "seconds": 43200},
        ),
        ("## Budget\n\n- $20 in total\n- 5 min per run", {"dollars": 20}),
        ("## Budget\n\n5 minutes; total budget: 8 hours", {"seconds": 28800}),
        ("## Budget\n\n40 experiments of 5 minutes each", {"experiments": 40}),
        ("## Budget\n\n- Per experiment: 10 minutes\n- Total: 8 hours", {"seconds": 28800}),
        (
            "## Budget\n\n| a | b |\n|--|--|\n| per run | 5 minutes |\n| total | 8 hours |",
            {"seconds": 28800},
        ),
        ("## Budget\n\n- 5 minutes per run\n- max 40 experiments", {"experiments": 40}),
        ("## Budget\n\n- 5 minutes per run on 2 GPUs\n- $30", {"dollars": 30}),
    ],
)
def test_what_ends_the_research_is_a_criterion(
    project: Path, said: str, stopping: dict[str, float]
) -> None:
    program = read_or_code(project, said, **boxed(said))

    assert isinstance(program, Program), program
    assert program.stopping.model_dump(exclude_none=True) == stopping


@pytest.mark.parametrize(
    "said",
    [
        "Never stop the server.",
        "Do not stop the container.",
        "Never stop to ask.",
        "do NOT pause to ask",
        "If the run hangs forever, kill it.",
        "This would run forever.",
        "Avoid infinite loops.",
        "Train until the loss stops improving.",
        "Wait until the server stops.",
        "Never stop training early.",
        "Expect 100 experiments while you sleep.",
        "You can run approx 12 experiments/hour.",
        "Stop the run after 10 experiments.",
        "Stop training after 10 epochs.",
        "Keep the last 5 experiments.",
        "max 3 attempts per idea",
        "loop (forever):",
        "Never stop a running job.",
        "never stop logging",
        "The server runs forever.",
        "If it loops forever, kill it.",
        "Do not loop forever.",
        "don't stop the database",
        "Go on until told otherwise.",
        "Do not stop early.",
        "until the process stops",
        "Run 5 experiments in parallel.",
        "Try 3 ideas.",
        "Stop after 3 crashes.",
        "Each iteration: 5 minutes",
        "Stop if val_bpb exceeds 5.",
        "Stop early stopping after 10 epochs.",
        "Iterations: 1000 of the solver",
        "max 100 iterations of Newton",
        "Record the last 20 iterations.",
        "There are 12 experiments so far.",
        "## Budget\n\n10 min / $8 per experiment",
        "## Budget\n\n5 minutes per run (about 12 experiments/hour)",
        "## Budget\n\n5 minutes. Expect 100 experiments while you sleep.",
        "## Budget\n\n- 5 minutes per run\n- 3 runs per experiment",
        "## Budget\n\n5 minutes. About 12 experiments per hour, 100 per night.",
    ],
)
def test_what_ends_nothing_is_no_criterion(project: Path, said: str) -> None:
    assert read_or_code(project, said, **boxed(said)) == "missing-part"


@pytest.mark.parametrize(
    "said",
    [
        "NEVER STOP.\n\nStop after 50 experiments.",
        "## Stopping criteria\n\n- Human interrupt",
        "## Stopping criteria\n\n- checks fail three times",
        "## Stopping criteria\n\n- human says so\n- never stop",
        "## Stopping criteria\n\n- 5 minutes per experiment",
        "## Stopping criteria\n\n- 5 minutes per experiment\n- 40 experiments",
        "## Stopping criteria\n\n- $8 per experiment\n- 40 experiments",
        "## Stopping criteria\n\n- ~12 experiments/hour",
        "## Stopping criteria\n\n- 10 successful experiments",
        "## Stopping criteria\n\n- 5 improvements",
        "## Stopping criteria\n\n- 20 experiments improve nothing",
        "## Stopping criteria\n\n- less than 0.001 improvement in 20 experiments",
        "## Stopping criteria\n\n- 5 consecutive crashes",
        "## Stopping criteria\n\n- overnight",
        "## Stopping criteria\n\nWhen 3 ideas in a row fail, think again.\n\n- 100 experiments",
        "## Stopping criteria\n\n- 2 hours without improvement\n- 8 hours",
        "## Stopping criteria\n\n- after 10 iteraties\n- 8 hours",
        "## Stopping criteria\n\n- 3 consecutive failures\n- 40 experiments",
        "## Stopping criteria\n\n- val_bpb < 0.9 three times in a row",
        "## Stopping criteria\n\n- 1000 tokens per experiment",
        "## Stopping criteria\n\n- 50 experiments per night",
        "## Stopping criteria\n\n- all tests pass",
        "## Stopping criteria\n\n- 50 experiments\n- never stop",
        "## Stopping criteria\n\n- 0 experiments",
        "## Stopping criteria\n\n- 50 to 100 experiments",
        "## Stopping criteria\n\n- at least 50 experiments",
        "## Stopping criteria\n\n- improvement below 0.001\n- 50 experiments",
        "## Stopping criteria\n\nStop at 06:00.\n- 50 experiments",
        "## Stopping criteria\n\n- 100 runs per seed",
    ],
)
def test_a_criterion_that_could_be_misread_is_refused(project: Path, said: str) -> None:
    refused = ("unclear-program", "contradiction", "bad-value")

    assert read_or_code(project, said, **boxed(said)) in refused
