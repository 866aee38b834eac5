"""The rewrite stage: group B samples to pairs, and the verdicts that the same visit can give."""

from functools import partial

from pyspark.sql import functions as f

from jobs.dedup.kept import kept_samples
from jobs.derive import parse_replies
from jobs.stages import Run, StageCount
from jobs.tables import spark_schema
from jobs.wanted import answers, rewrite_requests
from jobs.waves import Waves
from schemas.enums import DropReason
from schemas.tables import REWRITTEN

STAGE = "rewrite"


def rewrite(run: Run, with_engine: bool = True) -> StageCount:
    """Asks what is not answered yet, then derives `rewritten` from samples and calls."""
    with run.stage(STAGE) as count:
        wanted = rewrite_requests(run.tables, run.engines, run.config.rewriting.max_samples)
        count.count_wanted(run, wanted, with_engine)
        if with_engine:
            run.record_prompts(wanted)
            Waves(run.tables, run.engines, run.run_id, STAGE, run.progress, at_once=True).spend(wanted)
        count.rows_in = derive_rewritten(run)
        count.count_calls(run)
        rewritten = run.tables.read("rewritten")
        count.rows_out = rewritten.where("position >= 0").count()
        rows = rewritten.where("position < 0").groupBy("parse_status").count()
        count.rejects = {row[0]: row[1] for row in rows.collect()}
        # A reply all of whose pairs other replies hold too leaves no row; it is counted, so that replies add up.
        twins = count.rows_in - rewritten.select("call_key").distinct().count()
        count.rejects |= {DropReason.DUPLICATE.value: twins} if twins else {}
    return count


def derive_rewritten(run: Run) -> int:
    """`rewritten` anew, from all answered rewrites of the current configuration; returns their number."""
    wanted = rewrite_requests(run.tables, run.engines, None).select("call_key", "subject", "sample_id")
    sources = kept_samples(run.tables).select("sample_id", "source_id")
    calls = answers(run.tables).drop("sample_id").join(wanted, "call_key").join(sources, "sample_id")
    parsed = calls.mapInArrow(partial(parse_replies, prompts=run.engines.by_version), spark_schema(REWRITTEN))
    # Two replies may hold the same pair; the first by key stays.
    first = parsed.groupBy("pair_id").agg(
        f.min_by(f.struct(*parsed.columns), f.struct("call_key", "position")).alias("p")
    )
    run.tables.overwrite("rewritten", first.select("p.*"))
    return calls.count()
