"""Releases: a staged candidate, one commit that publishes it, and the manifest that names the commit."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as f

from jobs.session import SPARK_ERRORS
from jobs.tables import Tables, conform
from schemas.config import Config
from schemas.errors import ConfigError, PipelineError
from schemas.tables import INSTRUCT
from udfs import files

STAGED = "_staged_instruct"
"""The candidate; dropped after it is published, kept for a look when a gate refuses it."""

KEEP = "interval 3650 days"
"""How long Delta keeps the files and the log of old releases."""

MADE_OF = ("samples", "rejects", "twins", "calls", "rewritten", "judged", "runs")
"""Tables that a release is made of and told by."""

BREAKDOWN = ("category", "source_id", "kind", "split")


@dataclass(frozen=True)
class Fingerprint:
    """What a set of release rows is, whatever their order and their release_id."""

    rows: int
    content_hash: str
    counts: Mapping[str, Mapping[str, int]]
    """Rows by category, source, kind and split."""


@dataclass(frozen=True)
class Release:
    """A published release."""

    release_id: int
    table_version: int
    rows: int
    counts: Mapping[str, Mapping[str, int]]
    content_hash: str
    gate_id: str
    is_new: bool
    """False: the content is that of an earlier release, so none was made."""


def fingerprint(rows: DataFrame) -> Fingerprint:
    """Counts and an order-free hash over all columns but release_id, in one pass."""
    # JSON keeps the names of fields that are present: plain hashing would skip NULLs and take one check for another.
    whole = f.xxhash64(f.to_json(f.struct(*sorted(set(rows.columns) - {"release_id"})))).cast("decimal(38,0)")
    groups = rows.groupBy(*BREAKDOWN).agg(f.count("*").alias("rows"), f.sum(whole).alias("hash")).collect()
    counts: dict[str, dict[str, int]] = {name: {} for name in BREAKDOWN}
    for group in groups:
        for name in BREAKDOWN:
            key = str(group[name])
            counts[name][key] = counts[name].get(key, 0) + int(group["rows"])
    total = sum(int(group["hash"]) for group in groups) % (1 << 128)
    ordered = {name: dict(sorted(tally.items())) for name, tally in counts.items()}
    return Fingerprint(sum(int(group["rows"]) for group in groups), f"{total:032x}", ordered)


def is_served(tables: Tables, release: Row) -> bool:
    """Whether readers of `instruct` get a release's rows, all of which are read: files may be lost, tables changed."""
    try:
        seen = fingerprint(tables.read("instruct"))
    except SPARK_ERRORS:
        return False
    return (seen.rows, seen.content_hash) == (release["rows"], release["content_hash"])


def stage(tables: Tables, rows: DataFrame) -> int:
    """Writes the candidate in place of an earlier one and gives the version that holds it."""
    writer = conform(rows, INSTRUCT).write.format("delta").mode("overwrite").option("overwriteSchema", "true")
    if tables.storage.catalog:
        writer.saveAsTable(tables.sql_name(STAGED))
    else:
        writer.save(tables.path(STAGED))
    return int(_history(tables, STAGED, 1)[0]["version"])


def staged(tables: Tables, version: int) -> DataFrame:
    """The candidate as it was staged, whatever happened to its table since."""
    reader = tables.spark.read.option("versionAsOf", version)
    if tables.storage.catalog:
        return reader.table(tables.sql_name(STAGED))
    return reader.format("delta").load(tables.path(STAGED))


def unstage(tables: Tables) -> None:
    """Drops the candidate's table."""
    if tables.storage.catalog:
        tables.spark.sql(f"DROP TABLE IF EXISTS {tables.sql_name(STAGED)}")
    else:
        files.remove(tables.path(STAGED))


def _history(tables: Tables, name: str, limit: int) -> list[Row]:
    return tables.spark.sql(f"DESCRIBE HISTORY {tables.sql_name(name)} LIMIT {limit}").collect()


def latest(tables: Tables) -> Row | None:
    """The manifest of the newest release."""
    found = tables.read("releases").orderBy(f.desc("release_id")).limit(1).collect()
    return found[0] if found else None


def manifest(tables: Tables, release_id: int | None = None) -> Row:
    """The manifest of one release, the newest where none is named."""
    rows = {row["release_id"]: row for row in tables.read("releases").orderBy("release_id").collect()}
    wanted = max(rows) if release_id is None and rows else release_id
    if wanted not in rows:
        named = "the newest release" if wanted is None else f"release {wanted}"
        if not rows:
            raise ConfigError(f"{named} does not exist; there is no release yet", "`mammoth-vl publish` makes one")
        known = ", ".join(map(str, [*rows][-20:]))
        raise ConfigError(f"{named} does not exist; releases: {known}", "`mammoth-vl release list` shows them")
    return rows[wanted]


def versions(tables: Tables) -> str:
    """What a manifest keeps of the tables that are there now."""
    return json.dumps({name: tables.version(name) for name in MADE_OF if tables.exists(name)})


def as_of(tables: Tables, release: Row | None) -> Tables:
    """The tables as they were when a release was published; as they are now where its manifest keeps no versions."""
    return replace(tables, at=json.loads(release["versions"] or "{}")) if release else tables


def as_published(config: Config, release: Row | None) -> Config:
    """The configuration with the judge, threshold and rules that a release was published with."""
    if release is None:
        return config
    try:
        own = type(config.publishing).model_validate(json.loads(release["config"])["publishing"])
    except (ValueError, KeyError, TypeError, ValidationError):
        return config  # of an older version of the package
    return config.model_copy(update={"publishing": own})


def read_release(tables: Tables, release_id: int | None = None) -> DataFrame:
    """The rows of one release as they were published, the newest where none is named."""
    return tables.read("instruct", int(manifest(tables, release_id)["table_version"]))


def commit(tables: Tables, rows: DataFrame, facts: Mapping[str, Any]) -> Row:
    """Publishes rows in one commit, checks what readers now see, and writes the manifest.

    The whole manifest travels in the commit itself, so that a crash in between loses nothing (see `repair`).
    """
    tables.ensure("instruct")
    _keep_history(tables)
    before = tables.version("instruct")
    tables.overwrite("instruct", rows, note=json.dumps(facts))
    version = tables.version("instruct")
    seen = fingerprint(tables.read("instruct", version))
    if (seen.rows, seen.content_hash) != (facts["rows"], facts["content_hash"]):
        _restore(tables, before)
        raise PipelineError(
            f"instruct holds {seen.rows:,} rows with hash {seen.content_hash} at version {version};"
            f" {facts['rows']:,} with {facts['content_hash']} were published, so version {before} was restored",
            "another writer may be at work: see DESCRIBE HISTORY of instruct, then publish again",
        )
    return _write_manifest(tables, facts, version)


def _keep_history(tables: Tables) -> None:
    name = tables.sql_name("instruct")
    have = tables.spark.sql(f"DESCRIBE DETAIL {name}").collect()[0]["properties"]
    wanted = {"delta.deletedFileRetentionDuration": KEEP, "delta.logRetentionDuration": KEEP}
    if any(have.get(key) != value for key, value in wanted.items()):
        pairs = ", ".join(f"'{key}' = '{value}'" for key, value in wanted.items())
        tables.spark.sql(f"ALTER TABLE {name} SET TBLPROPERTIES ({pairs})")


def _write_manifest(tables: Tables, facts: Mapping[str, Any], version: int) -> Row:
    row = {**facts, "table_version": version, "at": datetime.now(UTC)}
    tables.append_rows("releases", [row])
    return manifest(tables, int(facts["release_id"]))


def _restore(tables: Tables, version: int) -> None:
    tables.spark.sql(f"RESTORE TABLE {tables.sql_name('instruct')} TO VERSION AS OF {version}")


def repair(tables: Tables) -> int | None:
    """Writes the manifest of a release that was committed just before a crash; its id, or None if all is well.

    A commit whose rows are not those that were published is taken back, as `commit` itself would have done.
    """
    found = unfinished(tables)
    if found is None:
        return None
    facts, version = found
    seen = fingerprint(tables.read("instruct", version))
    if (seen.rows, seen.content_hash) != (facts["rows"], facts["content_hash"]):
        _restore(tables, version - 1)
        return None
    _write_manifest(tables, facts, version)
    return int(facts["release_id"])


def unfinished(tables: Tables) -> tuple[Mapping[str, Any], int] | None:
    """What a commit says of a release that has no manifest yet, and its version of `instruct`."""
    if not tables.exists("instruct"):
        return None
    newest = latest(tables)
    last = int(newest["release_id"]) if newest else 0
    kept = None
    since = 0 if newest is None else int(newest["table_version"])
    # The table is behind its manifest where its last commits were lost; the next release goes on from what is there.
    for entry in _history(tables, "instruct", max(0, tables.version("instruct") - since)):
        if kept is not None and entry["version"] > kept:
            continue  # a commit that was taken back
        if entry["operation"] == "RESTORE":
            kept = int(entry["operationParameters"].get("version") or -1)
            continue
        facts = _facts_of(entry)
        if "release_id" in facts:
            if facts["release_id"] <= last:
                return None
            return facts, int(entry["version"])
    return None


def _facts_of(entry: Row) -> Mapping[str, Any]:
    """What a commit of ours carries; others may say what they like."""
    with suppress(ValueError):
        told = json.loads(entry["userMetadata"] or "{}")
        return told if isinstance(told, dict) else {}
    return {}
