"""The facts of a report: a few aggregates over the tables, and at most some thousand texts for the map."""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from pyspark.sql import Column, DataFrame, Row, Window
from pyspark.sql import functions as f

from jobs import labels
from jobs.candidates import candidates, count, deciding_judge
from jobs.dedup.kept import looked_for
from jobs.release import as_of, as_published, latest, manifest
from jobs.report.compare import compare_judges, name_judges
from jobs.report.cost import costs
from jobs.report.facts import (
    Expectation,
    Facts,
    InstructionMap,
    Intake,
    Judged,
    Reason,
    ReleaseFacts,
    Reuse,
    Rewrites,
    Scores,
)
from jobs.report.instruction_map import map_instructions
from jobs.report.rows import Showing, overview, read_cards
from jobs.run import Options
from jobs.tables import Tables
from jobs.together import ask_together
from schemas.config import Config
from schemas.enums import PairKind, ParseStatus

MAP_ROWS = 1_000
"""Instructions of each side on the map."""
CARDS = 20
CARD_SIDE = 480
READ = ("samples", "media_bytes", "rejects", "calls", "rewritten", "judged", "instruct", "runs", "gates", "releases")
CJK = r"\p{IsHan}\p{IsHiragana}\p{IsKatakana}"
TOKEN = rf"(?U)[{CJK}]|[\w&&[^{CJK}]]+|[^\w\s]"
"""What a token is where no tokenizer is at hand: a word, a CJK letter, or a punctuation mark."""


def collect(tables: Tables, options: Options, release_id: int | None, judges: tuple[str, str] | None = None) -> Facts:
    """Everything that a report says of a release, the newest where none is named, or of tables without a release."""
    for name in READ:
        tables.ensure(name)  # two threads must not make one table
    if judges:
        name_judges(tables, judges)  # a wrong name is told before the minute that a report takes
    row = _manifest(tables, release_id)
    config = as_published(options.config, row)
    # The tables as of the release hold its judge, whatever was judged since.
    judge_id = (row["judge_id"] if row else None) or deciding_judge(tables, config, row)
    publishing = _publish_facts(tables, row)
    threshold = config.publishing.threshold
    then, today = as_of(tables, row), set[str]()
    parts: dict[str, tuple[str, Callable[[Tables], Any]]] = {
        "cards": ("rows", lambda t: tuple(read_cards(t, _sampled(t, config, row), Showing(CARDS, CARD_SIDE)))),
        "map": ("map", _map),
        "judged": ("judged", lambda t: _judged(t, config, judge_id, publishing.get("judged") if row else None)),
        "release": ("", lambda _: None if row is None else release_facts(tables, row)),
        "intake": ("intake", _intake),
        "reasons": ("rejects", _reasons),
        "rewrites": ("rewritten", _rewrites),
        "scores": ("scores", lambda t: _scores(t, options, judge_id)),
        "lengths": ("lengths", _lengths),
        "costs": ("cost", lambda t: costs(t, options.config.engines)),
        "reuse": ("cost", _reuse),
        "twins": ("twins", _twins),
        "held_out": ("twins", lambda t: looked_for(t.read("runs")).benchmarks),
        "agreement": ("agreement", lambda t: labels.agreement(t, config)),
        "compared": ("compared", lambda t: compare_judges(t, config, judges) if judges else None),
    }

    def ask(part: tuple[str, Callable[[Tables], Any]]) -> Any:  # noqa: ANN401 - each part is of its own type
        section, question = part
        if then.at:
            try:
                return question(then)
            except Exception:  # noqa: BLE001 - a lost version raises what it likes; any other fault comes again below
                today.add(section)
        return question(tables)

    found = ask_together(tables.spark, {name: partial(ask, part) for name, part in parts.items()})
    if row is not None and not then.at:
        today |= {section for section, _ in parts.values()}
    return Facts(
        root=tables.root,
        today=frozenset(today - ({"judged"} if publishing.get("judged") else set())),
        made_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        judge=config.publishing.judge,
        threshold=f"{threshold.kind.value.replace('_', ' ')} {threshold.value:g}",
        candidates=publishing.get("candidates", {}),
        left_out=publishing.get("left_out", {}),
        shortfalls=tuple(publishing.get("shortfalls", ())),
        benchmarks=_benchmarks(found["intake"], options),
        **found,
    )


def _manifest(tables: Tables, release_id: int | None) -> Row | None:
    return latest(tables) if release_id is None else manifest(tables, release_id)


def release_facts(tables: Tables, row: Row) -> ReleaseFacts:
    gate = tables.read("gates").where(f.col("gate_id") == row["gate_id"]).first()
    expectations = () if gate is None else tuple(
        Expectation(e["name"], e["success"], e["observed"], e["allowed"]) for e in gate["expectations"]
    )  # fmt: skip
    return ReleaseFacts(
        *(row["release_id"], row["rows"], f"{row['at']:%Y-%m-%d %H:%M} UTC", row["table_version"]),
        *(row["content_hash"], row["run_id"], row["gate_id"]),
        success=None if gate is None else gate["success"],
        expectations=expectations,
        counts=json.loads(row["counts"]),
        restored_from=row["restored_from"],
    )


def _publish_facts(tables: Tables, row: Row | None) -> dict[str, Any]:
    runs = tables.read("runs").where("stage = 'publish'").orderBy(f.desc("ended"))
    found = (runs if row is None else runs.where(f.col("run_id") == row["run_id"])).first()
    return {} if found is None else dict(json.loads(found["facts"]))


def newest_readings(tables: Tables) -> DataFrame:
    """The newest normalise run of each source."""
    runs = tables.read("runs").where("stage = 'normalise' AND source_id IS NOT NULL")
    newest = f.row_number().over(Window.partitionBy("source_id").orderBy(f.desc("ended"), "run_id"))
    return runs.withColumn("nth", newest).where("nth = 1").drop("nth")


def _intake(tables: Tables) -> tuple[Intake, ...]:
    numbers = ("records", "units", "rows_out", "duplicates", "rejected")
    kinds = tables.read("samples").groupBy("source_id").agg(f.min("category"), f.min("group")).collect()
    named = {row[0]: (row[1], row[2]) for row in kinds}
    found = []
    for row in newest_readings(tables).orderBy("source_id").collect():
        records, units, samples, duplicates, rejected = (int(row[name] or 0) for name in numbers)
        where = named.get(row["source_id"], ("", ""))
        found.append(Intake(row["source_id"], *where, records, units, samples, duplicates, rejected - duplicates))
    return tuple(found)


def _benchmarks(intake: Iterable[Intake], options: Options) -> tuple[str, ...]:
    known = {name for name, source in options.sources.items() if source.is_benchmark}
    return tuple(i.source_id for i in intake if i.source_id in known)


def _reasons(tables: Tables) -> tuple[Reason, ...]:
    """Rejects of the newest readings; older ones told of the same records."""
    newest = newest_readings(tables).select("run_id", "source_id")
    rejects = tables.read("rejects").where("stage = 'normalise'").join(newest, ["run_id", "source_id"])
    example = f.min_by(
        f.struct("detail", f.concat_ws(" ", "source_id", "origin.file", "origin.position").alias("place")),
        f.struct("source_id", "origin.file", "origin.position"),
    )
    rows = rejects.groupBy("drop_reason").agg(
        f.count("*").alias("rows"), f.count_distinct("source_id").alias("sources"), example.alias("example")
    )
    return tuple(
        Reason(row["drop_reason"], row["rows"], row["sources"], row["example"]["detail"] or "", row["example"]["place"])
        for row in rows.orderBy(f.desc("rows"), "drop_reason").collect()
    )


def _with_category(tables: Tables, rows: DataFrame) -> DataFrame:
    return rows.join(tables.read("samples").select("sample_id", "category"), "sample_id")


def _rewrites(tables: Tables) -> tuple[Rewrites, ...]:
    lost = [status.value for status in ParseStatus if status is not ParseStatus.OK]
    empty = f.col("position") < 0
    rows = (
        _with_category(tables, tables.read("rewritten"))
        .groupBy("category")
        .agg(
            f.count_distinct("call_key").alias("replies"),
            f.count_if(~empty).alias("pairs"),
            f.count_if(~empty & f.col("text_evidence")).alias("text"),
            *(f.count_if(empty & (f.col("parse_status") == status)).alias(status) for status in lost),
        )
    )
    return tuple(
        Rewrites(r["category"], r["replies"], r["pairs"], {s: r[s] for s in lost if r[s]}, r["text"])
        for r in rows.orderBy("category").collect()
    )


def _judged(
    tables: Tables, config: Config, judge_id: str | None, published: Mapping[str, Mapping[str, int]] | None
) -> tuple[Judged, ...]:
    """As publishing counted, or as it would count now."""
    found = published or count(candidates(tables, config, judge_id)).verdicts
    rows = (Judged(name, n["judged"], n["passed"], n["unparsed"]) for name, n in sorted(found.items()))
    return tuple(row for row in rows if row.pairs)


def _scores(tables: Tables, options: Options, judge_id: str | None) -> tuple[Scores, ...]:
    """Those beside the deciding judge's verdicts, else of the judge that scored most."""

    def mean(score: str, kind: PairKind) -> Column:
        return f.avg(f.when(f.col("subject_kind") == kind.value, f.col(f"{score}_score"))).alias(
            f"{score}_{kind.value}"
        )

    either = f.col("content_score").isNotNull() | f.col("relevance_score").isNotNull()
    scored = tables.read("judged").where(either)
    ranked = (
        scored.groupBy("judge_id")
        .count()
        .orderBy(f.col("judge_id").eqNullSafe(f.lit(judge_id)).desc(), f.desc("count"))
    )
    scorer = ranked.first()
    scored = scored.where(f.col("judge_id") == (scorer["judge_id"] if scorer else ""))
    counts = [
        f.count_if(f.col("subject_kind") == kind.value).alias(name)
        for kind, name in zip(PairKind, ("originals", "rewrites"), strict=True)
    ]
    means = [mean(score, kind) for kind in PairKind for score in ("content", "relevance")]
    rows = scored.groupBy("source_id").agg(*counts, *means).orderBy("source_id").collect()
    theirs = {name: source.paper_scores for name, source in options.sources.items()}
    return tuple(Scores(**row.asDict(), paper=theirs.get(row["source_id"], {})) for row in rows)


def _lengths(tables: Tables) -> tuple[Mapping[int, int], Mapping[int, int]]:
    pairs = tables.read("rewritten").where("position >= 0")
    originals = tables.read("samples").join(pairs.select("sample_id").distinct(), "sample_id", "left_semi")

    def bins(rows: DataFrame) -> dict[int, int]:
        said = f.regexp_replace(f.array_join(f.col("conversation.text"), "\n"), "<(image|video)>", " ")
        tokens = f.greatest(f.regexp_count(said, f.lit(TOKEN)), f.lit(1))
        place = f.floor(2 * f.log2(tokens) + 1e-9).cast("int").alias("bin")
        return {row["bin"]: row["count"] for row in rows.select(place).groupBy("bin").count().collect()}

    return bins(originals), bins(pairs)


def _map(tables: Tables) -> InstructionMap | None:
    pairs = tables.read("rewritten").where("position >= 0")
    originals = tables.read("samples").join(pairs.select("sample_id").distinct(), "sample_id", "left_semi")

    def some(rows: DataFrame, key: str, said: Column) -> list[tuple[str, str]]:
        text = f.trim(f.regexp_replace(said, "<(image|video)>", " "))
        lowest = rows.select("category", text.alias("text"), f.sha2(key, 256).alias("order")).where("text <> ''")
        return [(row["category"], row["text"]) for row in lowest.orderBy("order").limit(MAP_ROWS).collect()]

    before = some(originals, "sample_id", f.col("conversation")[0]["text"])
    return map_instructions(before, some(_with_category(tables, pairs), "pair_id", f.col("instruction")))


def _reuse(tables: Tables) -> tuple[Reuse, ...]:
    runs = tables.read("runs").where("stage IN ('rewrite', 'judge')").groupBy("stage")
    rows = runs.agg(f.count_distinct("run_id"), f.sum("calls_new"), f.sum("calls_reused")).orderBy(f.desc("stage"))
    return tuple(Reuse(row[0], row[1], int(row[2] or 0), int(row[3] or 0)) for row in rows.collect())


def _twins(tables: Tables) -> Mapping[str, tuple[int, int]] | None:
    """Rows of the table `twins` by kind, and how many of them later stages leave out; None where nobody looked."""
    if not tables.exists("twins"):
        return None
    rows = tables.read("twins").groupBy("kind").agg(f.count("*"), f.count_if("dropped")).orderBy("kind").collect()
    return {row[0]: (row[1], row[2]) for row in rows}


def _sampled(tables: Tables, config: Config, row: Row | None) -> DataFrame:
    """Rows of the release, or pairs where there is none, by lowest hash of each category and kind in turn."""
    rows = overview(tables, config, None if row is None else row["release_id"])
    rows = rows.where("kind = 'rewritten'") if row is None else rows.where("release_id IS NOT NULL")
    order = f.sha2(f.col("id"), 256)
    turn = f.row_number().over(Window.partitionBy("category", "kind").orderBy(order))
    return rows.withColumn("turn", turn).orderBy("turn", f.desc("kind"), order)
