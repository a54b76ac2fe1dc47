# ruff: noqa: RUF001 (letters of other scripts)
"""Other languages: headings and words are read, sentences are not, and English stays as it is."""

import re
from pathlib import Path

import pytest
import yaml

import autoresearch_graph
from autoresearch_graph.errors import ProgramError
from tests.support.programs import PARTS, make_project, read_parts, read_text
from tests.support.wild import FILES, PROGRAMS, read_wild, understood

PACKAGE = Path(autoresearch_graph.__file__).parent
KNOWN = yaml.safe_load((PACKAGE / "program/text/languages.yaml").read_text("utf-8"))
LANGUAGES = KNOWN["languages"]
ENGLISH = ("langsmith", "strategy", "settings-table", "tables", "goal-score", "bold-labels")
SETTLES = (
    "give --read-with MODEL, or write what is missing in front matter or under English headings"
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return make_project(tmp_path, *FILES.split())


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", ENGLISH)
def test_one_label_of_another_language_changes_nothing_in_an_english_program(
    project: Path, name: str, language: str
) -> None:
    expected = understood(read_wild(project, f"{name}.md"))
    text = (PROGRAMS / f"{name}.md").read_text("utf-8")
    label = LANGUAGES[language]["headings"]["asset"][0]
    assert understood(read_text(project, f"{text}\n\n**{label}:**\n")) == expected


@pytest.mark.parametrize(
    "sentence",
    [
        "Zehn Experimente, höchstens 3 Stunden; `train.py` nicht ändern. Ende.",
        "`train.py` es de solo lectura y no tarda más de 7 minutos.",
        "La commande dure 9 secondes; ne pas modifier `train.py`.",
        "Maximaal 10 experimenten van 2 minuten, hoger is beter.",
        "每次实验 9 分钟，越高越好，不要修改 `train.py`。",
        "Не изменять `train.py`, не более 5 экспериментов, больше — лучше.",
    ],
)
def test_a_sentence_of_another_language_in_an_english_program_is_not_read(
    project: Path, sentence: str
) -> None:
    without = {"text", "lines"}
    bare, said = read_parts(project, {}), read_parts(project, {"Notes": sentence})
    assert said.model_dump(exclude=without) == bare.model_dump(exclude=without)


def test_no_word_is_one_of_an_english_text() -> None:
    root = PACKAGE.parent
    texts = [root / "README.md", *root.glob("docs/*.md"), *(PROGRAMS / f"{n}.md" for n in ENGLISH)]
    prose = " ".join(re.sub(r"`[^`]*`", "", path.read_text("utf-8")) for path in texts)
    english = " ".join(prose.lower().split())
    found = [
        (name, word)
        for name, language in LANGUAGES.items()
        for meaning, words in language["words"].items()
        for word in words
        if meaning not in ("and", "or") and re.search(rf"\b{re.escape(word.lower())}\b", english)
    ]
    assert found == []


def test_a_title_means_one_part_in_all_languages() -> None:
    fields: dict[str, set[str]] = {}
    for language in LANGUAGES.values():
        for field, titles in language["headings"].items():
            for title in titles:
                fields.setdefault(title.lower(), set()).add(field)
    assert [title for title, meant in fields.items() if len(meant) > 1] == []


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Пусть модель улучшает `train.py` всю ночь; запуск длится 5 минут.", "Russian"),
        ("모델이 밤새 `train.py`를 개선한다. 실험은 5분 동안 돌아간다.", "Korean"),
        ("モデルが夜のあいだに `train.py` を改良する。実験は 5 分。", "Japanese"),
        ("模型整夜改进 `train.py`，每次实验 5 分钟。", "Chinese"),
        ("Un modello migliora `train.py` di notte e non si ferma per tutta la sera.", "Italian"),
        ("Een model verbetert het programma `train.py` en dat duurt 5 minuten.", "Dutch"),
        ("Ein Modell verbessert nachts das Programm, und ein Lauf dauert fünf Minuten.", "German"),
        (
            "Model poprawia `train.py` przez noc i nie wolno go zatrzymać, bo to jest próba.",
            "Polish",
        ),
        ("Bir model gece boyunca `train.py` ile çalışır ve her deney beş dakika sürer.", "Turkish"),
        ("Một mô hình cải thiện `train.py` trong đêm và không được dừng.", "Vietnamese"),
        ("Το μοντέλο βελτιώνει το `train.py` όλη τη νύχτα.", "Greek"),
        ("夜間研究。模型改良 `train.py`、実験時間五分、評価指標最小化。の", "Japanese"),
        (
            "Нехай модель покращує `train.py` щоночі, їй це вдається.",
            "another language than English",
        ),
        ("मॉडल रात भर `train.py` को बेहतर बनाता है।", "another language than English"),
    ],
)
def test_the_error_of_a_text_in_another_language_tells_the_language_and_what_settles_it(
    project: Path, text: str, language: str
) -> None:
    with pytest.raises(ProgramError) as caught:
        read_text(project, f"# A\n\n{text}")
    advice = f"; this text seems to be in {language}, whose sentences are not read; {SETTLES}"
    assert str(caught.value).endswith(advice)


@pytest.mark.parametrize(
    "parts", [{"Metric": ""}, {"Notes": "La règle : ne pas modifier.", "Asset": ""}]
)
def test_the_error_of_an_english_text_tells_no_language(
    project: Path, parts: dict[str, str]
) -> None:
    with pytest.raises(ProgramError) as caught:
        read_parts(project, parts)
    assert "seems to be" not in str(caught.value)


def test_a_known_heading_does_not_hide_that_sentences_are_not_read(project: Path) -> None:
    text = (PROGRAMS / "spanish.md").read_text("utf-8")
    text = text.replace("`macro_f1`: cuanto mayor, mejor.", "La nota media debe subir.")
    with pytest.raises(
        ProgramError, match=r"gives no metric; .*; this text seems to be in Spanish, "
    ):
        read_text(project, text)


@pytest.mark.parametrize(
    ("heading", "asset"),
    [("## 2. La métrica", ""), ("**Metrik:**", ""), ("## 🎯 Метрика (главное)", "")],
)
def test_a_title_is_known_after_number_emoji_and_article_and_before_brackets(
    project: Path, heading: str, asset: str
) -> None:
    body = {k: v for k, v in PARTS.items() if k != "Metric"}
    text = "\n\n".join(f"## {title}\n\n{said}" for title, said in body.items())
    program = read_text(project, f"{heading}\n\n`val_bpb` minimise\n\n{text}")
    assert program.metric.name == "val_bpb" and program.metric.direction == "lower"


def test_the_columns_of_a_table_may_have_titles_in_another_language(project: Path) -> None:
    files = "| Archivo | Editable |\n|--|--|\n| `train.py` | sí |\n| `prepare.py` | solo lectura |"
    program = read_parts(project, {"Asset": "", "Archivos editables": files})
    assert program.asset == "train.py" and program.protected == ("prepare.py",)
