"""A file that anything in program.md denies, or that marks the work, is never an asset."""

from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml

from autoresearch_graph.asset.files import Asset
from autoresearch_graph.errors import ProgramError
from autoresearch_graph.program import readers
from tests.support.cli import autoresearch
from tests.support.programs import make_project, read_parts, read_text, text_of
from tests.support.projects import PROGRAM
from tests.support.projects import make_project as make_repository

NAMES = (
    "train.py", "judge.py", "prepare.py", "eval.sh", "score", "judge.js", "Makefile",
    "lib/rate.py", "src/a.py", "src/judge.py", "pkg/__main__.py",
)  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path, *NAMES)


def understood(project: Path, parts: dict[str, str], **flags: Any) -> tuple[Any, ...]:
    program = read_parts(project, parts, **flags)
    return program.asset, program.protected


def refusal(project: Path, parts: dict[str, str], **flags: object) -> str:
    with pytest.raises(ProgramError) as caught:
        read_parts(project, parts, **flags)
    return str(caught.value)


@pytest.mark.parametrize(
    "label",
    [
        "Frozen:", "**Fixed:**", "Locked:", "Context:", "Hands off:", "Forbidden:", "Out:",
        "Immutable during the search:", "READ-ONLY (evaluation infrastructure):", "Readonly:",
        "Off limits:", "Out of scope:", "Do not touch:", "Never edit these:", "Protected:",
        "Ground truth:", "Not editable:", "Untouchable:", "Leave alone:", "### Context (read only)",
        "### Frozen", "### Reference", "Solo lectura:", "只读：", "Nur lesbar:", "Nicht ändern:",
        "Frozen", "**Frozen**", "Reference only", "These two must never change:", "No touching:",
        "Everything below is ground truth.",
        "Ne pas modifier :", "読み取り専用：", "Não modificar:", "受保护文件：",
        "Sola lettura:", "Только чтение:", "읽기 전용:", "Alleen lezen:", "唯讀：", "Afblijven:",
    ],
)  # fmt: skip
def test_a_label_that_denies_protects_what_it_lists(project: Path, label: str) -> None:
    body = f"Editable:\n\n- `train.py`\n\n{label}\n\n- `judge.py`: the score"

    assert understood(project, {"Asset": "", "Scope": body}) == ("train.py", ("judge.py",))


@pytest.mark.parametrize(
    "item",
    [
        "- Forbidden: `judge.py`", "- Out: `judge.py`", "- Frozen — `judge.py`",
        "- `judge.py` (fixed)", "- `judge.py`: context", "- `judge.py` — read-only, the score",
        "- `judge.py` is locked during the search", "- `judge.py`: only the owner edits it",
        "- `judge.py`: ground truth", "- `judge.py`: hands off", "- 🔒 `judge.py`",
        "- Never: `judge.py`", "Everything but `judge.py`.", "- `judge.py` must stay as it is",
        "- `judge.py` [READ ONLY]", "- `judge.py`  # frozen", "- ~~`judge.py`~~",
        "- `judge.py` (not editable)", "- `judge.py` — don't", "- not `judge.py`",
        "- Out\n  - `judge.py`",
        "It imports `judge.py`, which is read-only.",
    ],
)  # fmt: skip
def test_words_beside_a_file_protect_it(project: Path, item: str) -> None:
    body = f"- `train.py`\n{item}" if item.startswith("-") else f"- `train.py`\n\n{item}"

    assert understood(project, {"Asset": "", "Files in scope": body}) == ("train.py", ("judge.py",))


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("Who edits", "**NOBODY** (fixed)"), ("Status", "frozen"), ("Mode", "read-only"),
        ("Access", "RO"), ("May change?", "never"), ("Agent", "human only"), ("Editable?", "❌"),
    ],
)  # fmt: skip
def test_a_cell_that_denies_protects_its_row(project: Path, column: str, cell: str) -> None:
    rows = f"| `train.py` | yes | model |\n| `judge.py` | {cell} | score |"
    body = f"| File | {column} | Purpose |\n|---|---|---|\n{rows}"

    assert understood(project, {"Asset": "", "Scope": body}) == ("train.py", ("judge.py",))


@pytest.mark.parametrize(
    "item",
    [
        "Modify `prepare.py` (read-only: it holds the score).",
        "Modify `prepare.py` — it is read-only.",
        "Modify `prepare.py`: it is read-only, it holds the score.",
        "Modify `prepare.py`, which is read-only.",
        "Modify `prepare.py`: only the owner does that.",
        "Modify `prepare.py`. It is read-only.",
        "Change `prepare.py`, as `train.py` is the only file you edit.",
    ],
)
def test_a_list_of_what_is_forbidden_outweighs_only(project: Path, item: str) -> None:
    rules = (
        f"**What you CANNOT do:**\n- {item}\n\n**What you CAN do:**\n"
        "- Modify `train.py` — this is the only file you edit."
    )

    for asset in ("", "`train.py`"):
        parts = {"Asset": asset, "Rules of play": rules}
        assert understood(project, parts) == ("train.py", ("prepare.py",))


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("`train.py` is read-only.", 29),
        ("Frozen: `train.py`", 29),
        ("Never touch `train.py`.", 29),
        ("**Hands off:**\n- `train.py`", 30),
        ("The score comes from `lib/rate.py` and from `train.py`, which is immutable.", 29),
    ],
)
def test_a_file_that_is_allowed_and_denied_is_refused_with_both_lines(
    project: Path, said: str, line: int
) -> None:
    words = refusal(project, {"Notes": said})

    assert words.startswith(f"program.md:{line}: `train.py` is protected here, but the asset")
    assert "(line 7)" in words


@pytest.mark.parametrize(
    "body",
    [
        "Do edycji:\n\n- `train.py`\n\nTylko do odczytu:\n\n- `judge.py`",
        "- `train.py`\n\nтільки читання:\n\n- `judge.py`",
        "- Editable: `train.py`\n- Tylko do odczytu: `judge.py`",
        "### Muokattava\n\n- `train.py`\n\n### Vain luku\n\n- `judge.py`",
        "- Model: `train.py`\n- Judge: `judge.py`",
    ],
)
def test_a_label_that_is_not_understood_beside_others_is_refused(project: Path, body: str) -> None:
    words = refusal(project, {"Asset": "", "Scope": body})

    assert "which does not tell if it may be edited" in words


@pytest.mark.parametrize(
    "body",
    [
        "You may edit `train.py`. You may not edit `judge.py`.",
        "Edit `train.py`; `judge.py` is read-only.",
        "Edit `train.py` but not `judge.py`.",
        "Only `train.py` may change; `judge.py` must stay as it is.",
        "Free: `train.py`, frozen: `judge.py`",
        "Free: `train.py` (frozen: `judge.py`)",
        "`train.py`, not `judge.py`",
        "- **In**: `train.py`\n- **Out**: `judge.py`",
    ],
)
def test_one_sentence_may_allow_one_file_and_deny_another(project: Path, body: str) -> None:
    assert understood(project, {"Asset": "", "Scope": body}) == ("train.py", ("judge.py",))


@pytest.mark.parametrize(
    "said",
    [
        "`train.py` is the only file you may change; all other files are protected.",
        "Only `train.py` is editable, all else is off limits.",
        "Everything but `train.py` is read-only.",
        "All files are read-only except `train.py`.",
        "`train.py` is not read-only.",
        "The context length in `train.py` is fixed at 256.",
        "`train.py` trains on a frozen backbone.",
        "Do not print `train.py` in the log.",
        "Context:\n- `train.py`: the model",
    ],
)
def test_words_about_other_things_do_not_deny_the_asset(project: Path, said: str) -> None:
    assert understood(project, {"Notes": said}) == ("train.py", ())


def test_boxes_that_differ_are_refused(project: Path) -> None:
    words = refusal(project, {"Asset": "- [x] `train.py`\n- [ ] `judge.py`"})

    assert "`train.py` stands under `[x]`, which does not tell" in words


def test_one_label_that_is_not_understood_may_be_a_topic(project: Path) -> None:
    assert read_parts(project, {"Asset": "The model:\n\n- `train.py`"}).asset == "train.py"


def test_prose_that_names_two_files_is_refused(project: Path) -> None:
    words = refusal(project, {"Asset": "The model in `train.py` is scored by `judge.py`."})

    assert "`train.py` and `judge.py` are both named here in prose" in words


def test_a_part_of_the_asset_may_be_off_limits(project: Path) -> None:
    item = "- Do not change the signature of `fit` in `train.py`."

    assert understood(project, {"Off limits": item}) == ("train.py", ())


@pytest.mark.parametrize(
    ("command", "files"),
    [
        ("python prepare.py evaluate", "prepare.py"),
        ("uv run --with numpy python -u judge.py train.py", "judge.py"),
        ("bash eval.sh train.py", "eval.sh"),
        ("node judge.js", "judge.js"),
        ("python -m judge", "judge.py"),
        ("python -um pkg --fast", "pkg/__main__.py"),
        ("./score --json", "score"),
        ("cd lib && python rate.py", "lib/rate.py"),
        ("timeout 60 ./score | tail -1", "score"),
        ("SEED=1 python3 judge.py # python train.py", "judge.py"),
        ("set -e\npython \\\n  judge.py", "judge.py"),
        ("bash -c 'cd lib; python rate.py'", "lib/rate.py"),
        ("make score", "Makefile"),
        ("wc -c train.py", ""),
    ],
)
def test_a_file_that_evaluates_is_protected(project: Path, command: str, files: str) -> None:
    for part in ("Evaluation", "Holdout"):
        program = read_parts(project, {part: f"```bash\n{command}\n```"})

        assert program.protected == tuple(filter(None, [files]))


@pytest.mark.parametrize(
    "command", ["python train.py --eval", "python -m train", "cd . && ./train.py"]
)
def test_an_asset_that_would_mark_its_own_work_is_refused(project: Path, command: str) -> None:
    words = refusal(project, {"Evaluation": f"```\n{command}\n```"})

    assert words == (
        "program.md:30: `train.py` is run here to measure the work, but the asset `train.py` "
        "(line 7) is the file to edit; remove one of them"
    )


def test_what_evaluates_is_excepted_from_a_pattern(project: Path) -> None:
    parts = {"Asset": "`src/*.py`", "Evaluation": "```\nPYTHONPATH=src python -m judge\n```"}
    (project / "judge.py").unlink()

    assert understood(project, parts) == ("src/*.py, !src/judge.py", ("src/judge.py",))


def test_what_prose_denies_is_excepted_from_a_pattern_beside_a_heading(project: Path) -> None:
    parts = {
        "Asset": "`src/*.py`",
        "Protected": "- `prepare.py`",
        "Notes": "Never touch `src/judge.py`.",
    }

    assert understood(project, parts) == (
        "src/*.py, !src/judge.py", ("prepare.py", "src/judge.py"),
    )  # fmt: skip


def test_a_pattern_that_is_denied_as_a_whole_is_refused(project: Path) -> None:
    words = refusal(project, {"Asset": "`src/*.py`", "Notes": "Never touch `src/`."})

    assert "`src/` is protected here, but the asset `src/*.py` (line 7)" in words


def test_the_flag_cannot_name_what_evaluates(project: Path) -> None:
    parts = {"Asset": "", "Evaluation": "```\npython judge.py\n```"}

    words = refusal(project, parts, asset="judge.py")

    assert "`judge.py` is run here to measure the work, but the asset `judge.py` (--asset)" in words


def test_front_matter_cannot_name_what_is_denied(project: Path) -> None:
    text = f"---\nasset: judge.py\n---\n{text_of({'Notes': '`judge.py` is read-only.'})}"
    with pytest.raises(ProgramError) as caught:
        read_text(project, text)

    assert "`judge.py` is protected here, but the asset `judge.py` (line 2)" in str(caught.value)


PATTERN = {"Asset": "`*.py`"}


@pytest.mark.parametrize(
    "said",
    [
        "Do not alter `judge.py`.", "Never overwrite, delete or rename `judge.py`.",
        "Refrain from changing `judge.py`.", "No edits to `judge.py`.", "Leave `judge.py` alone.",
        "`judge.py` must remain unmodified.", "`judge.py` is the fixed evaluation harness.",
        "`judge.py` is not part of the asset.", "`judge.py` is for humans.",
        "Changes to `judge.py` are rejected.", "Do not edit the judge (`judge.py`).",
        "Never modify: 1. `prepare.py` 2. `judge.py`", "Never modify `prepare.py` & `judge.py`.",
        "Do not edit `prepare.py` nor, of course, `judge.py`.", "Not for you: `judge.py`",
        "Must not be touched by the agent:\n- `judge.py`", "⛔ `judge.py`", "`judge.py` 🔒",
        "You may change everything but `judge.py`.", "Edit anything except `judge.py`.",
        "All files besides `judge.py` are yours.", "Read only:\n```\njudge.py\n```",
        "Do not edit `./judge.py`.", "Do not edit `.\\judge.py`.", "Do not edit `JUDGE.py`.",
        "Do not edit `judge`.", "Do not edit [the judge](judge.py).", "Do not edit `link.py`.",
        "`judge.py` darf nicht geändert werden.", "No se puede modificar `judge.py`.",
        "Не изменяйте `judge.py`.", "`judge.py` 不能改。", "`judge.py` に触れないこと。",
    ],
)  # fmt: skip
def test_words_that_may_deny_a_file_except_it_from_a_pattern(project: Path, said: str) -> None:
    (project / "link.py").symlink_to("judge.py")
    asset, protected = understood(project, PATTERN | {"Notes": said})

    assert "!judge.py" in str(asset) and "!train.py" not in str(asset)
    assert "judge.py" in protected


def test_an_absolute_path_of_the_project_is_one_of_its_files(project: Path) -> None:
    asset, _ = understood(project, PATTERN | {"Notes": f"Do not edit `{project}/judge.py`."})

    assert "!judge.py" in str(asset)


@pytest.mark.parametrize(
    "said", ["Never edit `a.py`.", "Stay away from anything under `deep/`.", "`deep` is sacred."]
)
def test_a_name_without_its_folder_and_a_folder_are_excepted(project: Path, said: str) -> None:
    (project / "lib" / "deep").mkdir()
    (project / "lib" / "deep" / "a.py").write_text("")
    (project / "deep").symlink_to("lib/deep")
    program = read_parts(project, {"Asset": "`lib/**`", "Notes": said})

    assert "!lib/deep" in program.asset


@pytest.mark.parametrize(
    "body",
    [
        "```\njudge.py\n```", "    judge.py", "<ul><li>judge.py</li></ul>",
        "- `{judge,prepare}.py`",
        "- [the judge](judge.py)",
    ],
)  # fmt: skip
def test_what_a_protected_heading_holds_is_protected_in_any_form(project: Path, body: str) -> None:
    asset, _ = understood(project, PATTERN | {"Protected": body})

    assert "!judge.py" in str(asset)


@pytest.mark.parametrize(
    "lead", ["<h2>Protected</h2>", "<details><summary>Read-only</summary>", "**Read-only**"]
)
def test_a_title_in_html_closes_the_list_of_the_asset(project: Path, lead: str) -> None:
    body = f"- `train.py`\n\n{lead}\n\n- `judge.py`"

    assert understood(project, {"Asset": body}) == ("train.py", ("judge.py",))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("The judge.", "`Protected` names no file"),
        ("- `[j]udge.py`", "the protected path `[j]udge.py` has brackets"),
    ],
)
def test_a_protected_heading_that_protects_nothing_is_refused(
    project: Path, body: str, words: str
) -> None:
    assert words in refusal(project, PATTERN | {"Protected": body})


@pytest.mark.parametrize(
    "said",
    [
        "Please do not alter `train.py`.", "Leave `train.py` alone.",
        "Editing `train.py` is not allowed.",
        "`train.py` must remain unmodified.", "`train.py` is the fixed evaluation harness.",
        "Never modify `prepare.py` & `train.py`.", "You may change anything but `train.py`.",
        "It runs `train.py`, which is read-only.", "Never touch `link.py`.",
    ],
)  # fmt: skip
def test_an_asset_that_is_named_and_forbidden_is_refused(project: Path, said: str) -> None:
    (project / "link.py").symlink_to("train.py")
    words = refusal(project, {"Notes": said})

    assert "is protected here, but the asset `train.py` (line 7)" in words


@pytest.mark.parametrize(
    "said",
    [
        "Nothing but `train.py` may be changed.", "All files but `train.py` are off limits.",
        "Do not edit any file other than `train.py`.", "Files outside `train.py` are read-only.",
        "If worse, leave `train.py` unchanged by git reset.", "The seed in `train.py` is fixed.",
        "The output format of `train.py` is fixed.", "The tokenizer used by `train.py` is fixed.",
        "The first line of `train.py` stays as it is.", "`train.py` runs in a read-only checkout.",
        "`train.py` must stay under 500 lines; the imports stay as they are.",
        "`judge.py` imports `train.py` and is read-only.",
        "The judge, which is fixed, runs `train.py`.",
        "`train.py` - the weights stay frozen during warmup.", "Do not delete `train.py`.",
        "Do not commit changes to `train.py` yourself.", "Do not forget to edit `train.py`.",
        "Edit `train.py`; it is not allowed to import more.",
    ],
)  # fmt: skip
def test_what_is_said_of_something_else_leaves_a_named_asset(project: Path, said: str) -> None:
    for parts in ({"Notes": said}, {"Asset": f"`train.py`\n\n{said}"}):
        assert read_parts(project, parts).asset == "train.py"


@pytest.mark.parametrize(
    "said",
    [
        "Only `train.py` may be modified.", "You may modify `train.py` but not `prepare.py`.",
        "You edit `train.py`. You do not edit `prepare.py`.",
        "Do not edit any file but `train.py`.",
        "You can edit `train.py`, you cannot edit `prepare.py`.",
        "## Off limits\n\n- everything but `train.py`",
    ],
)  # fmt: skip
def test_prose_without_a_heading_names_the_asset(project: Path, said: str) -> None:
    assert read_parts(project, {"Asset": "", "Notes": said}).asset == "train.py"


@pytest.mark.parametrize(
    "said",
    [
        "`judge.py` may not be altered.", "`judge.py` is our referee.",
        "(`judge.py` is not yours.)",
        "`prepare.py` makes the data, `judge.py` the loss.", "`judge.py` stays.",
    ],
)  # fmt: skip
def test_a_sentence_about_a_file_adds_no_asset(project: Path, said: str) -> None:
    assert read_parts(project, {"Asset": f"`train.py`\n\n{said}"}).asset == "train.py"
    assert (
        read_parts(project, {"Asset": "", "Scope": f"`train.py` only. {said}"}).asset == "train.py"
    )


@pytest.mark.parametrize(
    "items",
    [
        "- `train.py`\n- `judge.py` belongs to us", "- `train.py`\n- `judge.py` — не трогать",
        "- `train.py` - the model\n- `judge.py` - the scorer, for later",
        "| File | Role |\n|---|---|\n| `train.py` | the model |\n| `judge.py` | the referee |",
    ],
)  # fmt: skip
def test_an_item_that_is_not_understood_beside_others_is_refused(project: Path, items: str) -> None:
    words = refusal(project, {"Asset": items})

    assert "the words after `judge.py` do not tell if it may be edited" in words


@pytest.mark.parametrize(
    "command",
    [
        "strange judge.py", "cat judge.py | python", "python $(pwd)/judge.py", "python jud?e.py",
        "python {judge,score}.py",
        "{ python judge.py; }", 'python -c "import judge"', "x judge.py>o",
        "pytest judge.py::test_loss", "python -mjudge", "echo `python judge.py`", "x --in=judge.py",
    ],
)  # fmt: skip
def test_a_file_that_a_marking_command_names_leaves_a_pattern(project: Path, command: str) -> None:
    asset, _ = understood(project, PATTERN | {"Evaluation": f"```\n{command}\n```"})

    assert "!judge.py" in str(asset)


@pytest.mark.parametrize(
    "command", ["pytest .", "docker build -f train.py .", "uv run --with-requirements train.py x"]
)
def test_a_command_that_only_reads_the_asset_leaves_it(project: Path, command: str) -> None:
    assert understood(project, {"Evaluation": f"```\n{command}\n```"}) == ("train.py", ())


def test_check_shows_the_asset_and_what_is_protected(tmp_path: Path) -> None:
    rules = (
        "**What you CAN do:**\n- Modify `asset.py` — this is the only file you edit.\n\n"
        "**What you CANNOT do:**\n- Modify `other.py` (read-only: it holds the score)."
    )
    text = PROGRAM.replace("## Asset\n`asset.py`", f"## Rules of play\n{rules}")
    assert rules in text
    told = autoresearch("check", make_repository(tmp_path / "project", program=text)).stdout
    rows = {line.split()[1]: line.split()[-1] for line in told.splitlines() if "ready" in line}

    assert (rows["asset"], rows["protected"]) == ("asset.py", "other.py")


@pytest.mark.parametrize(
    ("body", "asset"),
    [
        ("- `src/`: all of it", "src/**"),
        ("`src`", "src/**"),
        ("any file under `src/`", "src/**"),
        ("- any file in the `src/` directory\n- no file under `lib/`", "src/**"),
        ("All Python files in `src/`.", "src/**/*.py"),
        ("| What | Path |\n|---|---|\n| code | `src/` |", "src/**"),
        ("Everything in `src/` except `src/judge.py`.", "src/**, !src/judge.py"),
        ("`src/` (`src/judge.py` excluded)", "src/**, !src/judge.py"),
        ("`src/`, without `judge.py`", "src/**, !src/judge.py"),
        ("- `src/`\n- `!src/judge.py`", "src/**, !src/judge.py"),
    ],
)
def test_a_folder_is_all_of_its_files(project: Path, body: str, asset: str) -> None:
    assert understood(project, {"Asset": "", "Scope": body})[0] == asset
    assert read_parts(project, {"Asset": "", "Notes": ""}, asset="src/").asset == "src/**"


@pytest.mark.parametrize(
    "text",
    [
        "You may edit any file under `src/`.",
        "Feel free to change everything within `src/`.",
        "Any file in `src/` may be edited.",
        "Modify only files under `src/`.",
        "## Mutable surface\n\n- `src/`\n\n## Immutable surface\n\n- `judge.py`",
    ],
)
def test_prose_may_name_a_folder(project: Path, text: str) -> None:
    assert read_parts(project, {"Asset": "", "Notes": text}).asset == "src/**"


@pytest.mark.parametrize(
    "text",
    [
        "## Target files (writable)\n\n- `train.py`: the model\n\nAll others are read-only.",
        "## Files you own\n\n- `train.py`\n\n## Files you do not own\n\n- `judge.py`",
        "## Agent-editable\n\n- `train.py`\n\n## Human-only\n\n- `judge.py`",
        "## What you can change (in `train.py`)\n\n- the depth",
        "**Primary targets:**\n- `train.py`\n\n**Never touch:**\n- `judge.py`",
        "Can edit:\n- `train.py`\nCan't edit:\n- `judge.py`",
        "## Editable by you\n\n- `train.py`\n\n## Editable by me\n\n- `judge.py`",
        "READ-ONLY (the score):\n- `judge.py`\n\nWRITABLE:\n- `train.py`",
        "| Editable | Read-only |\n|---|---|\n| `train.py` | `judge.py` |",
        "| Category | Files |\n|---|---|\n| Editable | `train.py` |\n| Fixed | `judge.py` |",
        "| | edit | run |\n|---|---|---|\n| `train.py` | ✅ | ✅ |\n| `judge.py` | ❌ | ✅ |",
        "| File | Owner |\n|---|---|\n| `train.py` | agent |\n| `judge.py` | human |",
        "`train.py` may be changed, `judge.py` may not.",
        "`judge.py`, `train.py` is the only file you edit.",
        "The file you must not edit is `judge.py`. The file you edit is `train.py`.",
        "Neither `judge.py` nor `prepare.py` may be edited. You edit `train.py`.",
        "Touch nothing but `train.py`.",
        "Editable: `train.py`; not editable: `judge.py`",
        "- ✏️ **editable**: `train.py`\n- 🔒 **locked**: `judge.py`",
        "What you CAN do:\n\n- Edit `train.py`\n- Run whatever touches `judge.py`",
        "## Editable\n\n```\ntrain.py  # the model\n```\n\n## Frozen\n\n```\njudge.py\n```",
    ],
)
def test_headings_labels_columns_and_sentences_name_one_asset(project: Path, text: str) -> None:
    assert read_parts(project, {"Asset": "", "Notes": text}).asset == "train.py"


@pytest.mark.parametrize(
    "body",
    [
        "- You may edit:\n  - `train.py`\n- `judge.py`",
        "- 🟢 `train.py`\n- 🔴 `judge.py`",
        "| Zone | File |\n|---|---|\n| green | `train.py` |\n| red | `judge.py` |",
        "In `judge.py` the score is computed.",
        "Beat `judge.py`.",
        "Read these first:\n\n- `judge.py`",
        "`src/` — all of it but the scorer",
        "- `train.py`, texts under `lib/**`",
        "`src/` minus `src/judge.py`",
        "- `src/`\n- Exceptions: `src/judge.py`",
    ],
)
def test_what_is_unclear_is_a_question_that_names_the_way_out(project: Path, body: str) -> None:
    words = refusal(project, {"Asset": "", "Scope": body})

    assert words.endswith("under `## Asset` and the others under `## Protected`, or give --asset")


def test_an_inline_deletion_protects(project: Path) -> None:
    body = "- `train.py`\n- <del>`judge.py`</del>"

    assert understood(project, {"Asset": body}) == ("train.py", ("judge.py",))


@pytest.mark.parametrize("name", ["program.md", "README.md"])
def test_a_text_among_the_files_to_edit_is_protected(project: Path, name: str) -> None:
    (project / "README.md").write_text("")
    body = f"- `train.py`\n- `{name}`"

    assert understood(project, {"Asset": "", "Scope": body}) == ("train.py", (name,))


def test_one_file_of_a_pattern_may_be_called_the_only_one(project: Path) -> None:
    loop = "Edit `src/a.py` (the only editable file in most rounds) and run."

    assert read_parts(project, {"Asset": "`src/*.py`", "Loop": loop}).asset == "src/*.py"


@pytest.mark.parametrize("item", ["The signature of `fit` in `train.py`", "`train.py`'s output"])
def test_an_item_on_a_part_of_the_asset_does_not_protect_it(project: Path, item: str) -> None:
    assert understood(project, {"Off limits": f"- {item}"}) == ("train.py", ())


TABLE = yaml.safe_load(resources.files(readers).joinpath("stances.yaml").read_text("utf-8"))


@pytest.mark.parametrize("said", TABLE["denied"])
def test_the_example_of_a_rule_that_denies_protects_its_file(project: Path, said: str) -> None:
    make_project(project, "a.py", "b.py", "lib/rate.py")

    _, protected = understood(project, {"Asset": "`train.py`", "Notes": f"{said}."})

    assert {"a.py", "lib"} & {*protected}


@pytest.mark.parametrize("said", [*TABLE["allowed"], *TABLE["excepted"]])
def test_the_example_of_a_rule_that_permits_names_the_asset(project: Path, said: str) -> None:
    make_project(project, "a.py")

    assert understood(project, {"Asset": "", "Notes": f"{said}."})[0] == "a.py"


@pytest.mark.parametrize(
    "said",
    [
        "The loss (`judge.py`), the data (`prepare.py`) are FROZEN.",
        "The scorer (`judge.py`), data (`prepare.py`) must not be changed.",
        "Scorer (`judge.py`) and data (`prepare.py`): do not edit.",
    ],
)
def test_what_is_said_of_several_things_holds_for_the_file_of_each(
    project: Path, said: str
) -> None:
    asset, protected = understood(project, {"Asset": "`train.py`", "Notes": said})

    assert (asset, {"judge.py", "prepare.py"} - {*protected}) == ("train.py", set())


def test_a_sentence_on_the_score_excepts_no_folder_that_the_asset_names(project: Path) -> None:
    said = "The score is drawn from all in `lib/`."
    asset, _ = understood(project, {"Asset": "`lib/*`, `src/*`", "Notes": said})
    denied, _ = understood(project, {"Asset": "`lib/*`, `src/*`", "Notes": f"Never: {said}"})

    assert ("!lib" in str(asset), "!lib" in str(denied)) == (False, True)


def test_a_topic_after_a_dash_denies_nothing(project: Path) -> None:
    files = "lib/rate.py - context reference handling\nsrc/a.py - the model\nscore - reference"
    asset, protected = understood(project, {"Asset": f"```\n{files}\n```"})

    assert (str(asset), "score" in protected) == ("lib/rate.py, src/a.py", True)


@pytest.mark.parametrize("of_the_judge", ["scores it", "is read-only"])
def test_a_denial_after_a_permission_is_said_of_the_last_thing_alone(
    project: Path, of_the_judge: str
) -> None:
    said = f"You may edit the model (`train.py`), the judge (`judge.py`) {of_the_judge}."

    assert understood(project, {"Notes": said})[0] == "train.py"
    assert "no asset" in refusal(project, {"Asset": "", "Notes": said})


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Do not touch `src/*`.", "src"),
        ("Do not edit any `ju*.py`.", "judge.py"),
        ("Never change `lib/*`.", "lib"),
    ],
)
def test_a_pattern_that_is_denied_covers_what_is_below_it(
    project: Path, said: str, kept: str
) -> None:
    program = read_parts(project, {"Asset": "`**/*.py`", "Notes": said})

    files = [
        path for path in NAMES if path.endswith(".py") and Asset.parse(program.asset).contains(path)
    ]
    assert "train.py" in files
    assert [path for path in files if kept in path.split("/")] == [], program.asset


@pytest.mark.parametrize(
    "said",
    [
        "Only `src/a.py` is ours, the others are generated.", "Edit nothing but `src/a.py`.",
        "Only `src/a.py` may be edited; the rest stays.", "Notes. Only edit `src/a.py`.",
    ],
)  # fmt: skip
def test_one_file_alone_contradicts_a_wider_pattern(project: Path, said: str) -> None:
    words = refusal(project, {"Asset": "`src/*.py`", "Notes": said})

    assert "`src/a.py` alone is named here, but the asset `src/*.py` on line 7 holds" in words
