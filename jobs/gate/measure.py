"""The numbers of all suites: one pass over each table, one job for all of them."""

from collections.abc import Mapping

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as f

from jobs.gate.subject import Counted, Numbers, Subject, examples_of, key_hash, shorten, union
from jobs.tables import conform, spark_schema
from schemas.columns import Table
from schemas.errors import PipelineError
from schemas.expectations import Rule, Suite


def measure_columns(subject: Subject, suites: Mapping[str, Suite]) -> Numbers:
    """Whether columns and types are those of the schema, told by the plan alone."""
    found = {}
    for name, suite in suites.items():
        try:
            conform(subject.frames[name], suite.table)
            found[name, "columns"] = Counted(0)
        except PipelineError as error:
            found[name, "columns"] = Counted(1, (str(error.args[0]),))
    return found


def measure_rows(subject: Subject, suites: Mapping[str, Suite]) -> Numbers:
    """All aggregates of all suites; examples are looked for only where a rule of rows is broken."""
    shaped = {name: _shaped(subject.frames[name], suite) for name, suite in suites.items()}
    passes = []
    for name, suite in suites.items():
        numbers = [f.expr(rule.measure).cast("double").alias(rule.name) for rule in suite.measured]
        once = shaped[name].agg(*numbers)
        passes.append(once.select(f.lit(name).alias("table"), f.array(*once.columns).alias("numbers")))
    found = {
        (row["table"], rule.name): Counted(value)
        for row in union(passes).collect()
        for rule, value in zip(suites[row["table"]].measured, row["numbers"], strict=True)
    }
    for name, suite in suites.items():
        broken = [rule for rule in suite.measured if rule.holds and found[name, rule.name].value]
        for rule, shown in _examples(shaped[name], suite, broken).items():
            found[name, rule] = Counted(found[name, rule].value, shown)
    return found


def _examples(rows: DataFrame, suite: Suite, broken: list[Rule]) -> Mapping[str, tuple[str, ...]]:
    """The first and the last row by id that break each of the rules, in one pass."""
    if not broken:
        return {}
    ends = []
    for rule in broken:
        row = f.expr(f"IF(coalesce({rule.holds}, false), NULL, struct({suite.names_row} AS id, {rule.shows} AS value))")
        ends.append(f.array(f.min(row), f.max(row)).alias(rule.name))
    seen = rows.agg(*ends).collect()[0]
    return {
        rule.name: tuple(dict.fromkeys(f"{row['id']}: {shorten(row['value'])}" for row in seen[rule.name]))
        for rule in broken
    }


def _shaped(rows: DataFrame, suite: Suite) -> DataFrame:
    """The rows with all columns of the schema, so that a wrong one fails its own rules and no others."""
    return rows.select(*(_column(rows, suite.table, name).alias(name) for name in suite.table.arrow.names))


def _column(rows: DataFrame, table: Table, name: str) -> Column:
    wanted = spark_schema(table)[name].dataType
    if name not in rows.columns:
        return f.lit(None).cast(wanted)
    have = rows.schema[name].dataType
    if have.simpleString() == wanted.simpleString():
        return f.col(name)
    is_plain = not any(kind.typeName() in {"array", "struct", "map"} for kind in (have, wanted))
    return f.col(name).try_cast(wanted) if is_plain else f.lit(None).cast(wanted)


def measure_keys(subject: Subject, suites: Mapping[str, Suite]) -> Numbers:
    """Rows whose key another row has."""
    keyed = {n: s for n, s in suites.items() if any(rule.name == "key_unique" for rule in s.rules)}
    frames = [
        subject.frames[name].select(f.lit(name).alias("table"), key_hash(*suite.table.key).alias("key"))
        for name, suite in keyed.items()
    ]
    seen = union(frames).groupBy("table", "key").agg(f.count("*").alias("rows"))
    twice = seen.groupBy("table").agg(f.sum(f.col("rows") - 1).alias("more")).collect()
    found: dict[tuple[str, str], Counted] = {(name, "key_unique"): Counted(0) for name in keyed}
    for row in twice:
        if row["more"]:
            found[row["table"], "key_unique"] = _twice(subject.frames[row["table"]], suites[row["table"]])
    return found


def _twice(rows: DataFrame, suite: Suite) -> Counted:
    """The same by the keys themselves."""
    seen = rows.groupBy(*suite.table.key).agg(f.count("*").alias("rows")).where("rows > 1")
    more = seen.agg(f.sum(f.col("rows") - 1)).collect()[0][0]
    value = f.format_string("%d times", f.col("rows"))
    return Counted(
        more or 0, examples_of(seen.select(f.concat_ws(" ", *suite.table.key).alias("id"), value.alias("value")))
    )
