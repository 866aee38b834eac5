"""The systems that `benchmarks/normalise.py` compares: each reads the array at `source` and writes rows below `out`."""

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

TURNS = pa.list_(pa.struct([("role", pa.string()), ("text", pa.string())]))
ROW = pa.schema([("id", pa.string()), ("image", pa.string()), ("turns", TURNS), ("sha", pa.string())])
CUT = "\x1f"


def validated(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """The row of a record, None for one that breaks a rule: what the SQL of the others says, in Python."""
    turns = [{"role": turn["from"], "text": turn["value"].strip()} for turn in record["conversations"]]
    roles = [turn["role"] for turn in turns]
    if len(turns) < 2 or roles != ["human", "gpt"] * (len(turns) // 2) or not all(turn["text"] for turn in turns):
        return None
    text = CUT.join([record["image"], *(turn["text"] for turn in turns)])
    sha = hashlib.sha256(text.encode()).hexdigest()
    return {"id": record["id"], "image": record["image"], "turns": turns, "sha": sha}


def tree_cpu() -> float:
    """CPU seconds of this process and its descendants, ended ones included."""
    own = psutil.Process()
    return sum(sum(process.cpu_times()[:4]) for process in [own, *own.children(recursive=True)])


@dataclass
class Work:
    """What a side did, timed by itself."""

    seconds: float = 0.0
    cpu_s: float = 0.0
    heap_mb: float = 0.0

    def __enter__(self) -> "Work":
        self.seconds, self.cpu_s = time.perf_counter(), tree_cpu()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds, self.cpu_s = time.perf_counter() - self.seconds, tree_cpu() - self.cpu_s


def duckdb_sql(source: Path, out: Path) -> Work:
    import duckdb

    connection = duckdb.connect()
    with Work() as work:
        connection.execute(f"""
            COPY (SELECT id, image, turns, sha256(concat_ws(chr(31), image, list_transform(turns, lambda t: t.text)
                    .list_aggregate('string_agg', chr(31)))) AS sha
                FROM (SELECT id, image, list_transform(conversations,
                    lambda t: {{'role': t."from", 'text': trim(t."value", chr(32) || chr(10))}}) AS turns
                    FROM read_json('{source}', format = 'array', maximum_object_size = 67108864,
                        columns = {{id: 'VARCHAR', image: 'VARCHAR',
                                    conversations: 'STRUCT("from" VARCHAR, "value" VARCHAR)[]'}}))
                WHERE len(turns) >= 2 AND len(turns) % 2 = 0
                    AND len(list_filter(turns, lambda t, i: t.text = ''
                        OR t.role <> CASE WHEN i % 2 = 1 THEN 'human' ELSE 'gpt' END)) = 0)
            TO '{out}/rows.parquet' (FORMAT parquet, COMPRESSION snappy)""")  # fmt: skip
    return work


def polars_frame(source: Path, out: Path) -> Work:
    import polars as pl

    turn = pl.struct(role=pl.element().struct["from"], text=pl.element().struct["value"].str.strip_chars())
    schema = {
        "id": pl.String,
        "image": pl.String,
        "conversations": pl.List(pl.Struct({"from": pl.String, "value": pl.String})),
    }
    texts = pl.col("turns").list.eval(pl.element().struct["text"])
    roles = pl.col("turns").list.eval(pl.element().struct["role"]).list.join(",")
    size = pl.col("turns").list.len()
    with Work() as work:
        frame = (
            pl.read_json(source, schema=schema)
            .lazy()
            .select("id", "image", turns=pl.col("conversations").list.eval(turn))
        )
        frame = frame.filter(
            size >= 2,
            ~texts.list.contains(""),
            roles == pl.lit("human,gpt,").repeat_by(size // 2).list.join("").str.strip_chars_end(","),
        )
        joined = pl.concat_str("image", texts.list.join(CUT), separator=CUT)
        sha = joined.map_elements(lambda text: hashlib.sha256(text.encode()).hexdigest(), return_dtype=pl.String)
        frame.with_columns(sha=sha).collect().write_parquet(out / "rows.parquet", compression="snappy")
    return work


def ijson_stream(source: Path, out: Path) -> Work:
    import ijson

    with Work() as work, source.open("rb") as stream, pq.ParquetWriter(out / "rows.parquet", ROW) as writer:
        rows = []
        for record in ijson.items(stream, "item"):
            row = validated(record)
            rows += [row] if row else []
            if len(rows) >= 10_000:
                writer.write_table(pa.Table.from_pylist(rows, schema=ROW))
                rows = []
        writer.write_table(pa.Table.from_pylist(rows, schema=ROW))
    return work


def open_spark(**extra: str) -> Any:  # noqa: ANN401 - a session
    from jobs.session import spark_session
    from schemas.config import Profile, load_config

    config = load_config(Profile.LAPTOP, None, [f"spark.{key}={value}" for key, value in extra.items()])
    session = spark_session(config)
    session.range(4).mapInArrow(lambda batches: batches, "id long").count()
    return session


def spark_multiline(source: Path, out: Path) -> Work:
    spark = open_spark(driver_memory="10g")
    schema = "id string, image string, conversations array<struct<`from`: string, `value`: string>>"
    turns = "transform(conversations, t -> struct(t.`from` AS role, trim(' \\n' FROM t.`value`) AS text)) AS turns"
    with Work() as work:
        frame = spark.read.schema(schema).json(str(source), multiLine=True).selectExpr("id", "image", turns)
        frame = frame.where("size(turns) >= 2 AND size(turns) % 2 = 0 AND NOT exists(transform(turns, (t, i) -> "
            "t.text = '' OR t.role <> if(i % 2 = 0, 'human', 'gpt')), b -> b)")  # fmt: skip
        sha = "sha2(concat_ws(char(31), image, transform(turns, t -> t.text)), 256) AS sha"
        frame.selectExpr("*", sha).write.parquet(f"{out}/rows", compression="snappy")
    return work


def our_rows(batches: Iterable[pa.RecordBatch], folder: str) -> Iterator[pa.RecordBatch]:
    from jobs.normalise.staged import Batches
    from jobs.readers import from_text, read

    out = Batches(ROW)
    for text in (text for batch in batches for text in batch.column("plan").to_pylist()):
        for record in read(folder, from_text(text)):
            row = None if record.problem else validated(record.value)
            if row:
                yield from out.add(row)
    yield from out.flush()


def ours(source: Path, out: Path) -> Work:
    from jobs.normalise.staged import WRITTEN, write_rows
    from jobs.readers import layouts, plan_ranges, to_text

    spark = open_spark()
    with Work() as work:
        (layout,) = layouts(str(source))
        plans = [(to_text(part),) for part in plan_ranges(str(source), source.name, layout, 32 << 20)]
        build = partial(our_rows, folder=str(source.parent))
        frame = spark.createDataFrame(plans, "plan string").repartition(min(len(plans), 12))
        frame.mapInArrow(partial(write_rows, folder=f"{out}/rows", build=build, schema=ROW), WRITTEN).collect()
    return work


def talks(family: str = "llava_json", files: str = "*.json") -> Any:  # noqa: ANN401 - a Source
    from schemas.enums import Category, Group, Modality
    from schemas.source import Licence, Reading, Source

    return Source(
        source_id="talks", name="Talks", family=family, licence=Licence(spdx="CC0-1.0"), collection="talks",
        reading=Reading(files=(files,)), group=Group.B, category=Category.GENERAL, modality=Modality.IMAGE,
    )  # fmt: skip


def stage(source: Path, out: Path, pictures: bool = False) -> Work:
    """The stage as `mammoth-vl normalise` runs it; annotations alone unless the pictures are there."""
    from jobs.run import Options, Stage, open_run, run_stages
    from schemas.config import Profile, load_config

    spark, whose = open_spark(), talks("ov_parquet", "*.parquet") if pictures else talks()
    sources = source.parent.parent
    settings = [f"storage.root={out}/tables", f"storage.sources_root={sources}", "engine.kind=stub"]
    settings += [] if pictures else ["media.mode=skip"]
    options = Options(load_config(Profile.LAPTOP, None, settings), {}, quiet=True)
    with open_run(options) as run, Work() as work:
        run_stages(run, [whose], [Stage.NORMALISE])
    pools = spark.sparkContext._jvm.java.lang.management.ManagementFactory.getMemoryPoolMXBeans()
    work.heap_mb = (
        sum(pool.getPeakUsage().getUsed() for pool in pools if pool.getType().toString() == "Heap memory") / 1e6
    )
    return work


SYSTEMS: dict[str, Callable[[Path, Path], Work]] = {
    "ours": ours, "stage": stage, "duckdb": duckdb_sql, "polars": polars_frame, "ijson": ijson_stream,
    "spark": spark_multiline, "pictures": partial(stage, pictures=True),
}  # fmt: skip
