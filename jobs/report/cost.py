"""What calls took: paid ones and those that a log answered, tokens, GPU-hours and money."""

from collections.abc import Sequence

from pyspark.sql import functions as f

from jobs.estimate import gpu_hours, money
from jobs.report.facts import Cost
from jobs.tables import Tables
from jobs.wanted import ANSWERED, answers
from schemas.config import Engine

KINDS = ("prompt", "cached", "completion")


def costs(tables: Tables, engines: Sequence[Engine]) -> tuple[Cost, ...]:
    """By purpose and model; a key that was stored twice counts once, tokens and seconds are those of paid calls."""
    paid = ~f.coalesce(f.col("replayed"), f.lit(False))
    good = answers(tables).groupBy("purpose", "model").agg(
        f.count_if(paid).alias("paid"), f.count_if(~paid).alias("replayed"),
        *(f.sum(f.when(paid, f.col(f"{kind}_tokens"))).alias(kind) for kind in KINDS),
        f.sum(f.when(paid, f.col("latency_s"))).alias("seconds"),
    )  # fmt: skip
    bad = tables.read("calls").where(~f.col("status").isin(*ANSWERED)).groupBy("purpose", "model")
    rows = good.join(bad.agg(f.count("*").alias("failed")), ["purpose", "model"], "full")
    return tuple(_cost(row.asDict(), engines) for row in rows.orderBy("purpose", "model").collect())


def _cost(row: dict[str, object], engines: Sequence[Engine]) -> Cost:
    counts = {name: int(str(row[name] or 0)) for name in ("paid", "replayed", "failed", *KINDS)}
    seconds = float(str(row["seconds"] or 0))
    engine = next((one for one in engines if one.model == row["model"]), None)
    hours = gpu_hours(engine, seconds) if engine else None
    spent = money(engine, counts["prompt"], counts["completion"], hours) if engine else None
    return Cost(
        str(row["purpose"] or ""), str(row["model"] or ""), **counts, seconds=seconds, gpu_hours=hours, money=spent
    )
