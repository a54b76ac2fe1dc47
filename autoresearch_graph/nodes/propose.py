"""Have the next experiment proposed, and commit it.

After long without a keep, the lab itself drops one of the changes that were kept: it may have been
luck, or stand in the way of later ones.
"""

from functools import partial
from typing import TYPE_CHECKING

from autoresearch_graph.asset.files import files_of
from autoresearch_graph.asset.merge import merged
from autoresearch_graph.asset.syntax import broken, fingerprint
from autoresearch_graph.core.brief import Brief, Edit, Exhausted, History, Session
from autoresearch_graph.core.experiment import (
    Candidate,
    Draft,
    Experiment,
    Incumbent,
    Trial,
    Verdict,
)
from autoresearch_graph.core.incumbent import PATIENCE
from autoresearch_graph.core.output import without_items
from autoresearch_graph.core.stopping import stop_reason
from autoresearch_graph.core.values import Cost
from autoresearch_graph.errors import LabError
from autoresearch_graph.nodes.submit import candidate_of, submit
from autoresearch_graph.nodes.train import restart
from autoresearch_graph.state import State, Update

if TYPE_CHECKING:
    from autoresearch_graph.lab import Lab


def propose(state: State, lab: "Lab", edit: Edit) -> Update:
    """Add a candidate and queue its first trial; number 0 is the untouched baseline.

    An incumbent that is due for another measurement runs right before. The baseline gets as many
    of its runs at once as there are workers: as crowded as what will be compared with it.

    Running twice makes one proposal: what was committed under the number is taken up again. A
    model edits its draft through `edit`, a graph of its own. A draft that cannot be committed is a
    discard without a run.
    """
    restart(state, lab)
    number = state.next_number
    while number in lab.ledger:
        number += 1
    try:
        candidate, unfit = _candidate(number, state, lab, edit)
    except Exhausted as reason:
        return {"exhausted": str(reason), "gave_up": reason.gave_up}
    under_way = {"next_number": number + 1, "candidates": (*state.candidates, candidate)}
    if unfit:
        verdict = Verdict(status="discard", reason=f"not run: {unfit}")
        return {**under_way, "collected": number, "decision": verdict}
    noise = lab.program.current.noise
    due = state.standing.due(noise) and not state.is_measured_again
    incumbent_run = state.incumbent_trials(number) if due else ()
    runs = 1 if state.incumbent else min(state.workers, noise.baseline_runs)
    trials = (Trial(number=number, repeat=repeat) for repeat in range(runs))
    return {**under_way, "queue": (*state.queue, *incumbent_run, *trials)}


def _candidate(number: int, state: State, lab: "Lab", edit: Edit) -> tuple[Candidate, str]:
    """Return the committed candidate, and the reason for which its own text was not committed."""
    incumbent = state.incumbent
    if incumbent is None:
        return candidate_of(lab.workspace.commit_baseline(), None, lab), ""
    earlier = lab.workspace.proposal(number)
    if earlier and earlier.parent == incumbent.commit:
        return candidate_of(earlier, incumbent, lab), ""
    draft = _draft_of_person(state, incumbent, lab)
    draft = draft or _draft(_brief(number, state, incumbent, lab, edit), state, lab)
    unfit = lab.workspace.unfit(draft.text, incumbent.commit)
    if unfit:
        draft = draft.model_copy(update={"text": lab.workspace.text(incumbent.commit)})
    return submit(draft, number, incumbent, lab), unfit


def _draft_of_person(state: State, incumbent: Incumbent, lab: "Lab") -> Draft | None:
    """Return the first pending text of a person; other files of the asset stay as they are."""
    for message in state.heard:
        if message.wish == "propose":
            asset = lab.program.current.asset
            whole = files_of(lab.workspace.text(incumbent.commit), asset)
            text = whole.updated(files_of(lab.store.inbox.text(message), asset)).pack()
            words = message.words
            return Draft(author="person", description=words, text=text, steering=(message,))
    return None


def _draft(brief: Brief, state: State, lab: "Lab") -> Draft:
    """Draft a step back, or have the proposer draft; only a model takes up guidance."""
    draft = step_back(brief, state.tally.since_keep) or lab.proposer.propose(brief)
    if not isinstance(draft, Draft):
        kind = type(draft).__name__
        raise LabError(f"the proposer returned {kind}; it must return a Draft", code="bad-part")
    steering = state.guidance if draft.author == "model" else ()
    return draft.model_copy(update={"steering": steering})


def _brief(number: int, state: State, incumbent: Incumbent, lab: "Lab", edit: Edit) -> Brief:
    """Put together everything that a proposer may know and do for experiment `number`."""
    artifacts, workspace = lab.store.artifacts, lab.workspace
    return Brief(
        number=number,
        program=lab.program.current,
        incumbent=incumbent,
        text=workspace.text(incumbent.commit),
        ledger=tuple(row.for_models() for row in lab.ledger.experiments),
        in_flight=tuple(candidate.proposal for candidate in state.candidates),
        guidance=tuple(message.words for message in state.guidance),
        sigma=state.standing.sigma,
        history=History(
            text=workspace.text_of,
            diff=lambda earlier: artifacts.read(earlier, "diff.patch"),
            log=partial(_log_for_models, lab),
        ),
        session=Session(
            say=lab.host.tell,
            save=partial(artifacts.write, number),
            hide=lab.host.hide,
            wait=lab.host.closing.wait,
            spend=partial(_spend, number, state, lab),
            unfit=partial(workspace.unfit, commit=incumbent.commit),
            edit=edit,
        ),
    )


def _spend(number: int, state: State, lab: "Lab", cost: Cost) -> bool:
    """Note the cost of an answer; True if a limit of program.md is passed."""
    lab.store.spending.add(number, cost)
    costs = lab.store.spending.costs(lab.ledger.experiments, under_way=state.numbers)
    tally = state.tally.with_costs(costs)
    return stop_reason(lab.program.current, tally, state.incumbent) is not None


def _log_for_models(lab: "Lab", number: int) -> str:
    """Return a log without the words of an evaluation that failed, or that knows what is hidden."""
    log, program = without_items(lab.store.artifacts.read(number, "log.txt")), lab.program.current
    crashed = not any(
        row.number == number and row.status != "crash" for row in lab.ledger.experiments
    )
    if program.evaluation and (program.hidden or crashed):
        log = log.partition(f"$ {program.evaluation}\n")[0]
    return lab.host.hide(log)


def step_back(brief: Brief, since_keep: int) -> Draft | None:
    """Draft the incumbent without a kept change, after every 30 experiments without a keep.

    The least gain goes first; each change is dropped once, and not at all if later changes stand
    on its lines. None where it is not time yet, or nothing is left.
    """
    if since_keep == 0 or since_keep % PATIENCE:
        return None
    for kept in _by_gain(brief):
        if text := _without(kept, brief):
            return Draft(
                author="lab",
                description=f"step back: without experiment {kept.number} ({kept.description})",
                hypothesis=f"Nothing was kept in the last {since_keep} experiments. Of the changes "
                "that were kept and not taken back yet, this one gained least.",
                text=text,
                undoes=kept.number,
            )
    return None


def _by_gain(brief: Brief) -> list[Experiment]:
    """Return the kept changes that were not taken back yet, the least gain first."""
    ideas = (*brief.ledger, *brief.in_flight)
    left = brief.gains.keys() - {idea.undoes for idea in ideas}
    kept = [row for row in brief.ledger if row.status == "keep" and row.undoes is None]
    doubtful = [row for row in kept if row.number and row.number in left]
    return sorted(doubtful, key=lambda row: brief.gains[row.number])


def _without(kept: Experiment, brief: Brief) -> str | None:
    """Return the incumbent without a kept change, if that is another text, and one that parses."""
    before = next(row.number for row in brief.ledger if row.commit == kept.parent)
    asset, text_of = brief.program.asset, brief.history.text
    text = merged(text_of(kept.number), brief.text, text_of(before), asset=asset)
    if text is None or broken(text, brief.text, asset):
        return None
    return None if fingerprint(text, asset) == fingerprint(brief.text, asset) else text
