"""The catalogue: what each source is and how its files read."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from schemas.enums import Category, Group, Modality, Verified
from schemas.errors import ConfigError

YesNo = Literal["yes", "no", "unknown"]
By = Literal["", "index", "letter", "text"]
Split = Literal["train", "val", "test"]
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""libyaml's where it is: a command looks at 159 files before it begins."""


class Strict(BaseModel):
    """Base of every contract: frozen, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Licence(Strict):
    """Terms of a source's annotations; pictures may have others (see `note`)."""

    spdx: str = Field(description="terms of the data themselves, the origin's: SPDX identifier, or `other`")
    packaging: str = Field("", description="licence tag of the collection that redistributes them, if it is another's")
    note: str = Field("", description="what the identifiers leave out")
    commercial: YesNo = Field("unknown", description="whether all of these terms allow it")
    redistribution: YesNo = Field("unknown", description="whether all of these terms allow it")


class Selector(Strict):
    """Which records of a shared collection belong to this source."""

    field: str = Field(description="dotted path into the record, e.g. metadata.dataset; several with / between them")
    values: tuple[str, ...] = Field(description="accepted values, compared as text")
    match: Literal["equal", "prefix", "folder"] = Field(
        "equal",
        description="prefix: the value begins with one of them; folder: one of them holds `images/` in a path, which "
        "tells records of others in the source's own folder too",
    )


@dataclass(frozen=True)
class Pool:
    """Files that publish many data sets as one, in whatever folder they lie."""

    files: tuple[str, ...]
    """Names as glob patterns, with the folder above them where the name alone says little."""
    field: str
    """Field of a record that tells the data set which it was taken from."""
    match: Literal["equal", "prefix", "folder"] = "equal"
    """How the names of a source are compared with it, see `Selector`."""
    by_id: bool = False
    """Whether sources are called there as here: by id or name."""

    def holds(self, file: str) -> bool:
        """Whether a file is of the pool."""
        return any(fnmatchcase(f"/{file}", f"*/{made}") for made in self.files)


POOLS: Mapping[str, Pool] = {
    "Cambrian-10M": Pool(("Cambrian10M*.json*", "Cambrian7M*.json*", "Cambrian737k*.json*"), "source/image", "prefix"),
    "DocStruct4M": Pool(("struct_aware_parse.jsonl*", "multi_grained_text_localization.jsonl*"), "dataset_name"),
    "LLaVA-1.5": Pool(("llava_v1_5_mix*.json*",), "image", "prefix"),
    "LLaVA-NeXT": Pool(("llava_next_raw_format_processed.json*",), "image", "prefix"),
    # LLaVA-Instruct's rows about COCO (000000...) come first in it.
    "LLaVAR": Pool(("llava_instruct_150k_llavar_*k.json*",), "image", "prefix"),
    "M4": Pool(("m4_instruct_annotations.json*",), "metadata.dataset"),
    "MAmmoTH-VL": Pool(("mammoth_si_10M.json*", "mammoth_ov_2M.json*"), "source", by_id=True),
    "MathV360K": Pool(("train_samples_all_tuning.json*",), "image", "folder"),
    "UReader": Pool(("ureader_json/*.jsonl*",), "task_type"),
}


@lru_cache(4096)
def pool_of(file: str) -> str | None:
    """The pool that a file is of."""
    return next((pool for pool, one in POOLS.items() if one.holds(file)), None)


class Listed(Strict):
    """Records of one split, where nothing but a list of their names or their number tells it."""

    split: Split
    fields: tuple[str, ...] = Field(
        description="dotted paths to a record's name or number, first one present wins; without one it goes by its file"
    )
    files: tuple[str, ...] = Field(
        (),
        description="glob patterns of the lists, a name a line, or lists by split in a JSON object; folders and "
        "suffixes do not count",
    )
    numbers: tuple[int, int] | None = Field(None, description="first and last number that a name of the split ends in")


class FieldMap(Strict):
    """Where a family's adapter finds its parts; dotted paths, first one present wins; `a.*.b` takes each of a list."""

    id: tuple[str, ...] = ()
    question: tuple[str, ...] = ()
    answer: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    rationale: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    media: tuple[str, ...] = ()


class Reading(Strict):
    """How one source's files are read."""

    files: tuple[str, ...] = Field(description="glob patterns below the source's folder")
    elsewhere: Mapping[str, tuple[str, ...]] = Field(
        {}, description="by folder of another collection that holds this source too: glob patterns of its files there"
    )
    beside: Mapping[str, str] = Field(
        {},
        description="glob patterns, at any depth, of files that stay unread where there are others, with the reason",
    )
    family: str | None = Field(None, description="overrides the source's family for these files")
    fields: FieldMap = FieldMap()
    select: Selector | None = None
    pooled: Mapping[str, tuple[str, ...]] = Field(
        {},
        description="by pool (Cambrian-10M) how the names begin that this source has in it, in Cambrian's with the "
        "pictures' folder behind them; `*` takes all of its rows",
    )
    splits: tuple[Split, ...] = Field(
        ("train", "val"),
        description="splits to read: records that name another one (`split: test`) are rejects, and files that do stay "
        "unread where there are others; test sets (is_benchmark) are read whole unless they name theirs",
    )
    split_codes: Mapping[str, str] = Field({}, description="splits by what records write for them, as {'3': test}")
    listed: tuple[Listed, ...] = Field((), description="records whose split a list or their number tells")
    media_root: str = Field("", description="named media root, or a folder below the source's folder")
    origin_roots: tuple[str, ...] = Field(
        (),
        description="named media roots that hold the pictures of the origin's files; tried after the source's folder",
    )
    media_pattern: str = Field("", description="format string over record fields, e.g. {image_id:012d}.jpg")
    pictures: tuple[str, ...] = Field(
        (),
        description="glob patterns of files that hold pictures by key, base64 in a JSON object or parquet; the first "
        "that finds one counts",
    )
    question: str = Field("", description="instruction for records that carry no question of their own")
    each: str = Field("", description="field whose list holds several answers, each of which makes a record of its own")
    answers: By = Field("", description="how answers name their option where one could mean two of them")
    adapter: str | None = Field(None, description="registered adapter, or module:function of your own")

    @field_validator("pooled")
    @classmethod
    def _pools(cls, pooled: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
        if unknown := sorted(set(pooled) - set(POOLS)):
            raise ValueError(f"unknown pools {unknown}; allowed: {', '.join(POOLS)}")
        return pooled


class Source(Strict):
    """One dataset of the catalogue."""

    source_id: str = Field(pattern=r"^[a-z0-9][a-z0-9_]*$")
    name: str
    group: Group
    category: Category
    modality: Modality
    family: str = Field(description="records of one family read alike; see udfs/adapters")
    alternatives: tuple[str, ...] = Field(
        (), description="families in which other publishers ship the same data, those of its origin among them"
    )
    licence: Licence
    collection: str = Field("", description="folder below SOURCES_ROOT that several sources may share")
    language: str = "en"
    hub_id: str | None = None
    hub_files: tuple[str, ...] = ()
    unit: str = Field("record", description="what the publisher counts")
    columns: tuple[str, ...] = Field((), description="fields that the publisher documents")
    media_layout: str = ""
    conversation_rule: str = Field("", description="how a record becomes turns")
    rows: int | None = Field(None, description="published rows")
    rows_source: str = ""
    reading: Reading | None = Field(None, description="absent: this source cannot be read yet")
    verified: Verified = Verified.INFERRED
    is_benchmark: bool = Field(False, description="a test set: left out unless it is asked for")
    caveats: tuple[str, ...] = ()
    cited_as: str = ""
    paper_scores: Mapping[str, float] = Field(default_factory=dict, description="1-5, Table A6")

    def wants(self, splits: Collection[str]) -> bool:
        """Whether rows of one of these splits are read; those that tell none always are."""
        reading = self.reading
        if reading is None or (self.is_benchmark and "splits" not in reading.model_fields_set):
            return True
        return not splits or any(split in reading.splits for split in splits)

    def in_pool(self, pool: str) -> Selector | None:
        """What picks this source's records out of a pool (`*`: all are); None where nobody knows."""
        made, reading = POOLS[pool], self.reading
        if made.by_id:
            return Selector(field=made.field, values=(self.source_id, self.name), match=made.match)
        if reading is None:
            return None
        if pool in reading.pooled:
            return Selector(field=made.field, values=reading.pooled[pool], match=made.match)
        select = reading.select
        declared = select and (select.field == made.field.partition("/")[0] or any(map(made.holds, reading.files)))
        return select if declared else None

    @property
    def runnable(self) -> bool:
        """Whether `sources check` can read this source's own files."""
        return self.reading is not None


def _parse(name: str, text: str) -> Source:
    try:
        return Source.model_validate(yaml.load(text, LOADER))  # noqa: S506 - safe, in C
    except (ValidationError, yaml.YAMLError) as error:
        raise ConfigError(
            f"catalogue file {name} is not a source: {error}",
            "compare it with any packaged file in schemas/catalogue, or run `mammoth-vl sources show ID`",
        ) from error


@cache
def packaged_sources() -> Mapping[str, Source]:
    """Every source of the packaged catalogue by id."""
    entries = sorted(files("schemas").joinpath("catalogue").iterdir(), key=lambda entry: entry.name)
    parsed = (_parse(entry.name, entry.read_text("utf-8")) for entry in entries if entry.name.endswith(".yaml"))
    return {source.source_id: source for source in parsed}


def load_sources(overlay: Path | None = None) -> Mapping[str, Source]:
    """The packaged catalogue with the files of `overlay` added or put in place of packaged ones."""
    sources = dict(packaged_sources())
    if overlay is None:
        return sources
    if not overlay.is_dir():
        raise ConfigError(
            f"catalogue folder {overlay} does not exist", "give --catalogue an existing folder of YAML files"
        )
    for path in sorted(overlay.glob("*.yaml")):
        source = _parse(str(path), path.read_text("utf-8"))
        sources[source.source_id] = source
    return sources


def pick_sources(sources: Mapping[str, Source], names: Iterable[str]) -> list[Source]:
    """The named sources, or an error that lists what comes closest."""
    picked = []
    for name in names:
        if name not in sources:
            near = get_close_matches(name, sources, n=3)
            hint = f"did you mean {', '.join(near)}? " if near else ""
            raise ConfigError(f"unknown source {name!r}", f"{hint}`mammoth-vl sources list` shows all {len(sources)}")
        picked.append(sources[name])
    return picked
