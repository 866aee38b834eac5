"""A trial of prompts as a page of cards, for the command line and for notebooks."""

from jobs.report.card import Card, Gallery, Opinion, render_gallery
from jobs.report.rows import MAX_SHOTS, read_shots
from jobs.tables import Tables
from jobs.trial import Trial, Tried, TriedPair
from schemas.config import Config
from schemas.enums import PairKind

SIDE = 360


def trial_html(tables: Tables, config: Config, trial: Trial) -> str:
    """Before and after, with pictures; what the prompts made of one sample stands together."""
    media = {media_id for row in trial.rows for media_id in row.subject.media[:MAX_SHOTS]}
    shots = read_shots(tables, sorted(media), SIDE)

    def card(row: Tried, pair: TriedPair | None) -> Card:
        every = [shot for media_id in row.subject.media for shot in shots.get(media_id, ())]
        judged = pair is not None and pair.verdict is not None
        return Card(
            id=pair.pair_id if pair else row.call_key, kind=PairKind.REWRITTEN.value, source_id=trial.source_id,
            category=row.subject.category, modality=row.subject.modality,
            before=row.subject.turns, after=pair.turns if pair else (), parse_status=row.status,
            task_type=f"prompt {row.prompt}" + (f" · {pair.task_type}" if pair and pair.task_type else ""),
            gold_answer=row.subject.gold_answer, evidence=row.subject.evidence.text if row.subject.evidence else None,
            shots=tuple(every[:MAX_SHOTS]), more_shots=len(every[MAX_SHOTS:]),
            opinions=(_opinion(config, pair),) if pair and judged else (),
            checks=pair.checks if pair else {},
            lineage=(
                ("prompt version", row.prompt_version), ("call", row.call_key),
                ("sample", row.subject.sample_id), ("note", row.detail or "none"),
            ),
        )  # fmt: skip

    cards = [card(row, pair) for row in trial.rows for pair in (row.pairs or (None,))]
    names = ", ".join(prompt.name for prompt in trial.prompts)
    note = f"Tried on {trial.source_id}: {names}. Nothing was published."
    return render_gallery(Gallery("Prompts on trial", note, cards))


def _opinion(config: Config, pair: TriedPair) -> Opinion:
    return Opinion(config.publishing.judge, "", pair.verdict and pair.verdict.value, pair.p_yes, pair.label_mass)
