"""Two judges on the same pairs, as in the paper's Figure A2."""

from collections.abc import Sequence

from pyspark.sql import Row
from pyspark.sql import functions as f

from jobs.agreement import kappa_of
from jobs.candidates import verdicts
from jobs.report.facts import Compared
from jobs.tables import Tables
from schemas.config import Config
from schemas.enums import PairKind
from schemas.errors import ConfigError


def compare_judges(tables: Tables, config: Config, names: tuple[str, str]) -> Compared:
    """How many pairs of each category both judges keep by the threshold, over the pairs that both judged.

    A top share is that of all pairs that a judge judged.

    A judge is named by its name, or by the beginning of its judge_id where a name stands for several.
    """
    chosen = name_judges(tables, names)
    rewritten = f.col("subject_kind") == PairKind.REWRITTEN.value
    first, second = (
        verdicts(tables, config, judge_id, judge)
        .where(rewritten & f.col("passes").isNotNull())
        .select("subject_id", "sample_id", f.col("passes").alias(side))
        for (judge, judge_id), side in zip(chosen, ("a", "b"), strict=True)
    )
    both = first.join(second.drop("sample_id"), "subject_id")
    both = both.join(tables.read("samples").select("sample_id", "category"), "sample_id")
    cells: dict[tuple[bool, bool], int] = {}
    rows: dict[str, list[int]] = {}
    for row in both.groupBy("category", "a", "b").count().orderBy("category").collect():
        cells[row["a"], row["b"]] = cells.get((row["a"], row["b"]), 0) + row["count"]
        tally = rows.setdefault(row["category"], [0, 0, 0])
        tally[0] += row["count"]
        tally[1] += row["count"] * row["a"]
        tally[2] += row["count"] * row["b"]
    return Compared(
        names,
        tuple((category, *tally) for category, tally in rows.items()),  # type: ignore[misc]  # three numbers
        kappa_of(names, [cells.get((a, b), 0) for a in (False, True) for b in (False, True)]),
    )


def name_judges(tables: Tables, names: tuple[str, str]) -> list[tuple[str, str]]:
    """Name and judge_id of both judges; ConfigError names those that there are."""
    rows = tables.read("judged").select("judge", "judge_id").distinct().orderBy("judge", "judge_id").collect()
    return [_judge(rows, name) for name in names]


def _judge(rows: Sequence[Row], name: str) -> tuple[str, str]:
    found = [row for row in rows if row["judge"] == name] or [
        row for row in rows if len(name) >= 6 and row["judge_id"].startswith(name)
    ]
    if len(found) != 1:
        known = ", ".join(f"{row['judge']} ({row['judge_id'][:12]})" for row in rows) or "none: judge first"
        many = "stands for several judges" if found else "is no judge of these tables"
        raise ConfigError(f"--compare-judges: {name!r} {many}", f"name one of {known}")
    return str(found[0]["judge"]), str(found[0]["judge_id"])
