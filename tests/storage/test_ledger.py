import gc
import json
from pathlib import Path

import pytest

from autoresearch_graph.core.experiment import Experiment
from autoresearch_graph.errors import LabError
from autoresearch_graph.storage.checkpoints import open_checkpoints
from autoresearch_graph.storage.inbox import Inbox
from autoresearch_graph.storage.ledger import Ledger
from tests.support.experiments import experiment
from tests.support.projects import run


def test_results_tsv_has_the_five_columns_of_karpathy(tmp_path: Path):
    ledger = Ledger(tmp_path, metric="val_bpb")
    ledger.append(experiment(0, description="base\tline\nof two"))
    crash = {"status": "crash", "metric": None, "memory_gb": 3.0}
    ledger.append(experiment(1, **crash))
    assert (tmp_path / "results.tsv").read_text() == (
        "commit\tval_bpb\tmemory_gb\tstatus\tdescription\n"
        "a1b2c3d\t0.997900\t44.0\tkeep\tbase line of two\n"
        "a1b2c3d\t0.000000\t0.0\tcrash\ta change\n"
    )


def test_a_number_is_written_once_however_often_it_is_appended(tmp_path: Path):
    ledger = Ledger(tmp_path, metric="loss")
    ledger.append(experiment(0))
    ledger.append(experiment(0, reason="again"))
    assert [e.reason for e in Ledger(tmp_path, metric="loss").experiments] == ["better"]


@pytest.mark.parametrize("cut", [1, 40, 300])
def test_a_torn_last_line_is_cut_off_and_the_rest_kept(tmp_path: Path, cut: int):
    ledger = Ledger(tmp_path, metric="loss")
    ledger.append(experiment(0))
    ledger.append(experiment(1))
    path = tmp_path / "experiments.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    again = Ledger(tmp_path, metric="loss")
    assert [e.number for e in again.experiments] == [0]
    assert (tmp_path / "results.tsv").read_text().count("\n") == 2
    again.append(experiment(1))
    assert [e.number for e in Ledger(tmp_path, metric="loss").experiments] == [0, 1]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"new_key": 1}, "unknown keys: new_key; written by a newer version"),
        ({"trials": [{"kind": "measured", "metric": 1, "new": 2}]}, "trials.0.measured.new"),
        ({"status": "parked"}, "is not understood: status: Input should be"),
    ],
)
@pytest.mark.parametrize("where", [1, 2], ids=["in the middle", "last"])
def test_a_whole_row_that_is_not_understood_is_named_and_left_alone(
    tmp_path: Path, change: dict[str, object], told: str, where: int
):
    rows = [experiment(number).model_dump(mode="json") for number in range(3)]
    rows[where] |= change
    path = tmp_path / "experiments.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    before = path.read_bytes()
    with pytest.raises(LabError, match=f"jsonl:{where + 1}: .*{told}"):
        Ledger(tmp_path, metric="loss")
    assert path.read_bytes() == before


def test_what_a_newer_version_wrote_beside_the_ledger_is_one_sentence(project: Path):
    run(project, [])
    folder = project / ".autoresearch/t"
    Inbox(folder).post("tell", "smaller")
    for name in ("steering.jsonl", "research.json"):
        path = folder / name
        before = path.read_text()
        path.write_text(before.replace("{", '{"new_key": 1, ', 1))
        with pytest.raises(LabError, match=f"{name}.* unknown keys: new_key"):
            run(project, [])
        path.write_text(before)
    with open_checkpoints(folder / "checkpoints.sqlite") as saver:
        last = saver.get_tuple({"configurable": {"thread_id": "t", "checkpoint_ns": ""}})
        assert last is not None
        values = last.checkpoint["channel_values"]
        newer = values | {"incumbent": values["incumbent"] | {"new_key": 1}}
        changed = last.checkpoint | {"channel_values": newer, "id": f"2{last.checkpoint['id'][1:]}"}
        saver.put(last.config, changed, last.metadata, {})
    with pytest.raises(LabError, match=r"checkpoint of t has unknown keys: incumbent\.new_key"):
        run(project, [])
    (folder / "checkpoints.sqlite").unlink()
    assert run(project, [])[0] == "the script is at its end"


def test_a_damaged_line_in_the_middle_is_named_and_left_alone(tmp_path: Path):
    ledger = Ledger(tmp_path, metric="loss")
    ledger.append(experiment(0))
    path = tmp_path / "experiments.jsonl"
    damaged = b"not json\n" + path.read_bytes()
    path.write_bytes(damaged)
    with pytest.raises(LabError, match=r"experiments.jsonl:1: this line is damaged"):
        Ledger(tmp_path, metric="loss")
    assert path.read_bytes() == damaged


def test_a_lost_table_is_written_anew(tmp_path: Path):
    Ledger(tmp_path, metric="loss").append(experiment(0))
    before = (tmp_path / "results.tsv").read_text()
    (tmp_path / "results.tsv").unlink()
    Ledger(tmp_path, metric="loss")
    assert (tmp_path / "results.tsv").read_text() == before


def test_the_rows_of_a_long_ledger_are_all_there_in_order(tmp_path: Path):
    ledger = Ledger(tmp_path, metric="loss")
    for number in range(600):
        ledger.append(experiment(number, description=f"the {number}. change — “é”"))
    for rows in (ledger.experiments, Ledger(tmp_path, metric="loss").experiments):
        assert [row.number for row in rows] == list(range(600)) and len(rows) == 600
        assert [rows[i].number for i in (0, 5, 343, 344, -1, -600)] == [0, 5, 343, 344, 599, 0]
        assert [row.number for row in rows[340:347]] == [340, 341, 342, 343, 344, 345, 346]
        assert rows[7].description == "the 7. change — “é”" and rows[600:] == []
        with pytest.raises(IndexError):
            rows[600]


def test_a_long_ledger_keeps_only_its_latest_rows_in_memory(tmp_path: Path):
    def alive() -> int:
        gc.collect()
        return sum(type(one) is Experiment for one in gc.get_objects())

    before, ledger = alive(), Ledger(tmp_path, metric="loss")
    for number in range(600):
        ledger.append(experiment(number))
    assert alive() - before < 300


@pytest.mark.parametrize("begins", ["=", "+", "-", "@", "\t=", "\r@", "\uff1d"])
def test_a_description_is_no_formula_in_results_tsv(tmp_path: Path, begins: str):
    ledger = Ledger(tmp_path, metric="val_bpb")
    ledger.append(experiment(0, description=f"{begins}SUM(1+1)", metric=-0.5))
    _, line = (tmp_path / "results.tsv").read_text().splitlines()
    cells = line.split("\t")
    assert cells[4] == f"'{begins.strip()}SUM(1+1)" and cells[1] == "-0.500000"
    Ledger(tmp_path, metric="val_bpb")
    assert (tmp_path / "results.tsv").read_text().splitlines()[1] == line
