"""The ledger row of an experiment that was judged."""

from datetime import UTC, datetime

from autoresearch_graph.experiment import Candidate, Experiment, Measured, Message, Verdict


def row(
    candidate: Candidate,
    verdict: Verdict,
    *,
    self_reported: bool,
    obeyed: tuple[Message, ...] = (),
) -> Experiment:
    """The ledger row of a judged candidate, with what was `obeyed` of a person meanwhile.

    `memory_gb` is the accelerator's peak where the run reports `peak_vram_mb` (MiB), else the
    peak resident memory of its processes.
    """
    trials = candidate.outcomes
    metrics = next((t.metrics for t in reversed(trials) if isinstance(t, Measured)), {})
    resident = max((t.memory_gb for t in trials), default=0.0)
    return Experiment(
        **candidate.proposal.model_dump(exclude={"steering"}),
        steering=(*candidate.proposal.steering, *obeyed),
        status=verdict.status,
        reason=verdict.reason,
        metric=verdict.metric,
        metrics=metrics,
        trials=trials,
        runs=verdict.runs,
        luck=verdict.luck,
        beside=candidate.beside,
        stale=candidate.stale,
        seconds=round(sum(t.seconds + t.check_seconds for t in candidate.runs), 3),
        memory_gb=round(metrics.get("peak_vram_mb", resident * 1024) / 1024, 3),
        self_reported=self_reported,
        review=candidate.review,
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
    )
