"""Releases after publishing: two of them compared row by row, one checked against its manifest, one put back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as f

from jobs.gate.counted import not_stored
from jobs.release import commit, fingerprint, is_served, latest, manifest, read_release, repair, unfinished
from jobs.session import told_by
from jobs.tables import Tables
from schemas.errors import ConfigError, InputError

EXAMPLES = 20
OWN = "release_id"
"""The column in which two releases always differ."""


@dataclass(frozen=True)
class Difference:
    """What changed from one release to another, by row id."""

    old: int
    new: int
    counts: Mapping[str, Mapping[str, int]]
    """added, removed, changed: rows by category; same: rows in all."""
    columns: Mapping[str, int]
    """Changed rows by column."""
    examples: Sequence[tuple[str, str, str]]
    """(change, id, columns that changed), as many as were asked for."""


def compare(tables: Tables, old: int, new: int) -> DataFrame:
    """One row per id of either release: change (added, removed, changed, same), its category as shown, columns."""
    names = [name for name in read_release(tables, new).columns if name not in (OWN, "id")]
    before, after = (_digests(read_release(tables, number), names) for number in (old, new))
    joined = before.select("id", f.struct("*").alias("a")).join(
        after.select("id", f.struct("*").alias("b")), "id", "full_outer"
    )
    changed = (f.when(~f.col(f"a.{name}").eqNullSafe(f.col(f"b.{name}")), f.lit(name)) for name in names)
    change = (
        f.when(f.col("a").isNull(), "added")
        .when(f.col("b").isNull(), "removed")
        .when(f.size("columns") > 0, "changed")
        .otherwise("same")
    )
    compared = joined.withColumn("columns", f.array_compact(f.array(*changed)))
    return compared.select("id", change.alias("change"), f.coalesce("b.shown", "a.shown").alias("shown"), "columns")


def _digests(rows: DataFrame, names: Sequence[str]) -> DataFrame:
    # JSON keeps the names of fields that are present, so that NULLs count.
    hashes = (f.xxhash64(f.to_json(f.struct(name))).alias(name) for name in names if name in rows.columns)
    missing = (f.lit(None).cast("long").alias(name) for name in names if name not in rows.columns)
    return rows.select("id", f.col("category").alias("shown"), *hashes, *missing)


def diff(tables: Tables, old: int, new: int, examples: int = EXAMPLES) -> Difference:
    """Counts of what changed, with so many of the rows that did."""
    rows = compare(tables, old, new).localCheckpoint()
    counts: dict[str, dict[str, int]] = {}
    for change, category, number in rows.groupBy("change", "shown").count().orderBy("change", "shown").collect():
        counts.setdefault(change, {})[category] = number
    edited = rows.where("change = 'changed'").select(f.explode("columns").alias("column"))
    columns: dict[str, int] = dict(edited.groupBy("column").count().orderBy("column").collect())
    some = rows.where("change <> 'same'").orderBy("change", "id").limit(examples).collect()
    shown = [(row["change"], row["id"], ", ".join(row["columns"] or ())) for row in some]
    return Difference(
        old, new, counts, columns, [(kind, name, what if kind == "changed" else "") for kind, name, what in shown]
    )


def verify(tables: Tables, release_id: int | None = None) -> Row:
    """Reads every row of a release and compares rows and hash with its manifest; InputError when they differ.

    Missing or damaged data files show up here too: counting alone is answered from statistics. Of the newest release
    it looks too whether readers of the table still get it.
    """
    wanted = intact(tables, release_id)
    newest = latest(tables)
    is_newest = newest is not None and newest["release_id"] == wanted["release_id"]
    moved = is_newest and tables.version("instruct") != wanted["table_version"]
    if moved and not is_served(tables, wanted):
        if (begun := unfinished(tables)) is not None:
            raise InputError(
                f"release {wanted['release_id']} is whole, and release {begun[0]['release_id']} was committed without"
                " its manifest: the publish was ended in between",
                "`mammoth-vl publish` finishes it, or takes it back where its rows are not those that were published",
            )
        raise InputError(
            f"release {wanted['release_id']} is whole, but instruct was changed since:"
            f" readers get other rows at version {tables.version('instruct')}",
            "publish again, or ask Spark (`mammoth-vl sql` changes nothing): "
            f"RESTORE TABLE {tables.sql_name('instruct')} TO VERSION AS OF {wanted['table_version']}",
        )
    return wanted


def intact(tables: Tables, release_id: int | None = None) -> Row:
    """Reads every row of a release and compares rows and hash with its manifest; InputError when they differ.

    Its media must be stored as well. What became of the table since is not looked at.
    """
    wanted = manifest(tables, release_id)
    name = f"release {wanted['release_id']} (instruct version {wanted['table_version']})"
    try:
        seen = fingerprint(read_release(tables, int(wanted["release_id"])))
    except Exception as error:
        raise InputError(
            f"{name} cannot be read: {told_by(error)[:300]}",
            "restore the files of instruct from a backup, or publish again",
        ) from error
    if (seen.rows, seen.content_hash) != (wanted["rows"], wanted["content_hash"]):
        raise InputError(
            f"{name} holds {seen.rows:,} rows with hash {seen.content_hash};"
            f" its manifest says {wanted['rows']:,} rows with hash {wanted['content_hash']}",
            "the table was changed past the release: restore it from a backup, or publish again",
        )
    used = read_release(tables, int(wanted["release_id"])).select(f.explode("media").alias("media_id")).distinct()
    lost = (
        not_stored(used, tables.read("media"), tables.read("media_bytes")).agg(f.count("*"), f.min("media_id")).first()
    )
    if lost is not None and lost[0]:
        raise InputError(
            f"{name} shows {lost[0]:,} media whose parts are not all in media_bytes, among them {lost[1]}",
            "`mammoth-vl normalise` stores what is missing; or restore media and media_bytes from a backup",
        )
    return wanted


def rollback(tables: Tables, release_id: int) -> Row:
    """Publishes the rows of an earlier release again, as a new release in one commit; the manifest of the new one."""
    repaired = repair(tables)
    old, newest = intact(tables, release_id), latest(tables)
    assert newest is not None, "a release was found"
    if repaired is not None and newest["restored_from"] == release_id:
        return newest  # an earlier call was ended between its commit and its manifest
    same = (newest["content_hash"], newest["rows"]) == (old["content_hash"], old["rows"])
    if same and is_served(tables, newest):
        raise ConfigError(
            f"release {newest['release_id']}, the newest, has the content of release {release_id} already",
            "`mammoth-vl release list` shows them all",
        )
    number = int(newest["release_id"]) + 1
    kept = ("rows", "counts", "content_hash", "gate_id", "run_id", "config", "judge_id", "versions")
    facts = {key: old[key] for key in kept}
    rows = read_release(tables, release_id).withColumn(OWN, f.lit(number).cast("long"))
    return commit(tables, rows, {**facts, "release_id": number, "restored_from": release_id})
