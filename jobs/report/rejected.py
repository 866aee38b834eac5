"""One rejected record explained: the reason, its twin, and the record as its source gave it."""

from dataclasses import dataclass

from pyspark.sql import functions as f

from jobs.report.explain import record_at
from jobs.report.origin import Place, SourceRecord
from jobs.report.page import render_page
from jobs.run import Options
from jobs.tables import Tables


@dataclass(frozen=True)
class Rejected:
    """Everything that is known about a record of which no sample is kept."""

    record_hash: str
    source_id: str
    stage: str
    reason: str
    detail: str
    file: str
    position: int
    run_id: str
    """Run that rejected it last."""
    newest: bool
    """Whether that was the newest reading of its source."""
    twin: str
    excerpt: str
    record: SourceRecord


def find_rejected(tables: Tables, options: Options, name: str) -> Rejected | None:
    """The newest reject of a record whose hash begins so; None where no such record was rejected."""
    found = tables.read("rejects").where(f.col("origin.record_hash").startswith(name))
    runs = tables.read("runs").where("stage = 'normalise'").select("run_id", "source_id", "ended")
    newest = runs.groupBy("source_id").agg(f.max_by("run_id", "ended").alias("newest"))
    ended = runs.groupBy("run_id").agg(f.max("ended").alias("ended"))
    told = found.join(ended, "run_id", "left").join(newest, "source_id", "left")
    row = told.orderBy(f.desc_nulls_last("ended"), "source_id", "drop_reason").first()
    if row is None:
        return None
    origin = row["origin"]
    place = Place(origin["file"], origin["position"], origin["record_hash"])
    return Rejected(
        record_hash=origin["record_hash"], source_id=row["source_id"], stage=row["stage"], reason=row["drop_reason"],
        detail=row["detail"] or "", file=origin["file"], position=origin["position"], run_id=row["run_id"],
        newest=row["stage"] != "normalise" or row["newest"] in (None, row["run_id"]), twin=row["duplicate_of"] or "",
        excerpt=row["excerpt"] or "", record=record_at(tables, options, row["source_id"], place),
    )  # fmt: skip


def render_rejected(found: Rejected) -> str:
    """The whole page."""
    return render_page("rejected.html", told=found)
