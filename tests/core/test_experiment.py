"""Keys on disk: the names that a field has in the ledger and in checkpoints stay."""

import json

from autoresearch_graph.core.experiment import Experiment, Trial

RUN = {"kind": "measured", "seconds": 1.5, "metric": 0.9, "spared": "ended at 30% of its time"}
OLD_ROW = {
    "author": "search",
    "description": "lr: 0.1 -> 0.2",
    "number": 7,
    "status": "discard",
    "reason": "loss 0.9 is better than the incumbent's 1 by 0.1",
    "metric": 0.9,
    "metrics": {},
    "commit": "b" * 40,
    "parent": "a" * 40,
    "trials": [RUN],
    "beside": [RUN],
    "stale": [RUN],
    "luck": 0.075,
    "seconds": 1.5,
    "memory_gb": 0.0,
    "self_reported": True,
    "finished": "2026-07-01T00:00:00+00:00",
}


def written_back(row: object) -> object:
    return json.loads(Experiment.model_validate_json(json.dumps(row)).model_dump_json())


def test_a_row_of_an_older_ledger_keeps_its_keys():
    row = Experiment.model_validate(OLD_ROW)
    assert row.residual == 0.075
    assert row.incumbent_runs == row.superseded_runs == row.trials
    assert row.trials[0].would_prune == "ended at 30% of its time"
    written = written_back(OLD_ROW)
    assert isinstance(written, dict) and OLD_ROW.keys() <= written.keys()
    assert written_back(written) == written
    assert written["luck"] == 0.075
    assert written["trials"][0].items() >= RUN.items()
    assert written["beside"] == written["stale"] == written["trials"]
    new_names = {"residual", "would_prune", "incumbent_runs", "superseded_runs"}
    assert not new_names & {*written, *written["trials"][0]}


def test_a_trial_in_an_older_checkpoint_keeps_its_keys():
    stored = {"number": 3, "repeat": 5, "beside": 8}
    trial = Trial.model_validate(stored)
    assert (trial.made_for, trial.owner) == (8, 8)
    assert trial.model_dump() == stored
