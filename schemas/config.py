"""Typed configuration: a profile, then a file, then `--set key=value`, read once and passed down."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from fractions import Fraction
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from schemas.dedup import Dedup
from schemas.enums import Category, EngineKind, EngineRole, ExportFormat, Group
from schemas.errors import ConfigError
from schemas.gate import Gate, Share
from schemas.price import Price
from schemas.settings import assign, merge, told
from schemas.source import Strict


class Profile(StrEnum):
    """Packaged starting points."""

    LAPTOP = "laptop"
    CLUSTER = "cluster"
    PAPER = "paper"


class ThresholdKind(StrEnum):
    """Absolute: P(yes) at least `value`. Top share: the best `value` of the parsed verdicts."""

    ABSOLUTE = "absolute"
    TOP_SHARE = "top_share"


class MediaMode(StrEnum):
    """Read pictures, or check annotations alone."""

    READ = "read"
    SKIP = "skip"


class Storage(Strict):
    """Where tables and files lie."""

    root: str = Field(".mammoth", description="any URI that Spark can write")
    catalog: str | None = Field(None, description="catalog.schema to address tables by; default: by path")
    sources_root: str = Field("sources", description="folder of source files as downloaded")
    media_roots: Mapping[str, str] = Field(default_factory=dict, description="shared picture folders by name")
    host_dir: str = Field("", description="per-host scratch; default /tmp/mammoth-vl-<uid>")
    media_buckets: int = Field(4, ge=1, le=4096)


class Spark(Strict):
    """Settings of a session that we start ourselves; an existing one is left alone."""

    master: str = "local[4]"
    driver_memory: str = "2g"
    shuffle_partitions: int = Field(4, ge=1)
    extra: Mapping[str, str] = Field(default_factory=dict)


class Media(Strict):
    """Standardisation of pictures; limits in px and bytes (paper, section 2.1)."""

    mode: MediaMode = MediaMode.READ
    min_side: int = Field(224, ge=1)
    max_side: int = Field(4096, ge=32)
    max_aspect: float = Field(7.0, ge=1)
    model_max_pixels: int = Field(1_806_336, description="stored pictures are scaled down to this many px")
    max_bytes: int = Field(64 << 20, description="larger files are rejects")
    max_pixels: int = Field(178_956_970, description="larger pictures are rejects before they are decoded")
    jpeg_quality: int = Field(92, ge=50, le=100)
    video_frames: int = Field(8, ge=1, le=128)
    video_timeout_s: float = Field(60.0, gt=0, description="a video that takes longer is a reject")
    video_max_bytes: int = Field(1 << 30, description="larger videos are rejects")
    inflated_dir: str = Field(
        "", description="where a machine keeps plain copies of compressed tars; default /tmp/mammoth-vl-<uid>/inflated"
    )
    inflated_max_bytes: int = Field(64 << 30, ge=0, description="disk that these copies may take together, about")


class Sampling(Strict):
    """Sampling parameters sent with every request; all of them are part of the call key."""

    temperature: float = Field(0.0, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    max_tokens: int = Field(1024, ge=1)
    repetition_penalty: float = Field(1.0, ge=1)


class Engine(Strict):
    """One model behind one engine host per GPU group."""

    name: str
    kind: EngineKind = EngineKind.VLLM
    model: str = Field(description="folder or hub id; what a request names, and part of every call key")
    path: str = Field("", description="folder of the weights where `model` is only a name for them")
    revision: str | None = Field(None, description="needed where it cannot be read from the model folder")
    roles: tuple[EngineRole, ...]
    python: str = Field("", description="interpreter of the engine environment; default .venv-engine/bin/python")
    base_url: str | None = Field(None, description="kind endpoint: an OpenAI-compatible /v1")
    api_key_env: str | None = Field(None, description="environment variable that holds the endpoint's key")
    args: tuple[str, ...] = Field((), description="further arguments of vLLM's server")
    env: Mapping[str, str] = Field(default_factory=dict)
    max_num_seqs: int = Field(64, ge=1)
    max_model_len: int = Field(8192, ge=256)
    gpus_per_engine: int = Field(0, ge=0, description="0: CPU")
    vision: bool | None = Field(
        None,
        description="whether the model reads pictures, else their text stands in; null: as its config.json says",
    )
    max_pictures: int = Field(8, ge=1, description="pictures per request; more are sampled evenly")
    ready_timeout_s: float = 1800.0
    request_timeout_s: float = 600.0
    idle_ttl_s: float = 600.0
    price: Price = Price()
    stub: Mapping[str, Any] = Field(default_factory=dict, description="kind stub: its script, see udfs/engine/stub.py")

    @model_validator(mode="after")
    def _consistent(self) -> "Engine":
        if self.kind is EngineKind.ENDPOINT and not (self.base_url and self.revision):
            raise ValueError(f"engine {self.name}: kind endpoint needs base_url and revision")
        return self

    @property
    def window(self) -> int:
        """Requests that the gateway keeps in the engine at once."""
        return max(1, -(-self.max_num_seqs * 115 // 100))


class Rewriting(Strict):
    """Which prompt each category gets, and what to do with groups C and text."""

    prompts: Mapping[Category, str]
    text_only: tuple[Category, ...] = Field((Category.CAPTION,), description="categories that the text engine rewrites")
    groups: tuple[Group, ...] = (Group.B,)
    sampling: Sampling = Sampling()
    max_samples: int | None = Field(
        None, ge=1, description="rewrite at most this many samples, by lowest hash per source"
    )


class Judge(Strict):
    """One judge; several may stand side by side."""

    name: str
    engine: str
    prompt: str = "judge"


class Judging(Strict):
    """Verdicts and scores."""

    judges: tuple[Judge, ...]
    score_prompts: tuple[str, ...] = Field(("score_content", "score_relevance"), description="content, then relevance")
    score_share: float = Field(0.1, ge=0, le=1, description="share of pairs and originals that get 1-5 scores, by hash")
    min_label_mass: float = Field(0.05, ge=0, le=1, description="below it a verdict is unparsed")


class Threshold(Strict):
    """When a judged pair is accepted."""

    kind: ThresholdKind = ThresholdKind.ABSOLUTE
    value: float = Field(0.5, ge=0, le=1)


class Publishing(Strict):
    """What goes into a release."""

    judge: str = Field(description="judge whose verdict decides")
    threshold: Threshold = Threshold()
    require_checks: tuple[str, ...] = (
        "gold_preserved",
        "arithmetic_holds",
        "no_refusal",
        "no_template",
        "no_repetition",
    )
    rewritten_share: float = Field(0.7, ge=0, le=1, description="of each group B source; originals are the rest")
    keep_groups: tuple[Group, ...] = (Group.A, Group.B, Group.TEXT)
    max_per_source: int | None = Field(None, ge=1)
    category_shares: Mapping[Category, Share] = Field(default_factory=dict)
    total_rows: int | None = Field(None, ge=1)
    si_share: float = Field(0.9, gt=0, le=1, description="of the single-image rows, the share used in stage SI")

    @field_validator("category_shares")
    @classmethod
    def _shares(cls, shares: Mapping[Category, float]) -> Mapping[Category, float]:
        """As decimals: 0.1 + 0.2 + 0.7 is 1."""
        whole = sum((Fraction(str(share)) for share in shares.values()), Fraction(0))
        if whole > 1:
            raise ValueError(f"shares add up to {float(whole)}, not to 1 or less; other categories take the rest")
        return shares


class Export(Strict):
    """Form and sizes of exports."""

    format: ExportFormat = ExportFormat.LLAVA
    media: str = Field("files", pattern="^(files|shards|none)$", description="llava: where pictures and videos go")
    shard_bytes: int = Field(1 << 28, ge=1, description="about so many bytes in a shard")


class Sql(Strict):
    """Limits of the engine calls that queries may make."""

    max_calls: int = Field(1000, ge=0)


class Spending(Strict):
    """Waves and the budget."""

    wave_s: float = Field(600.0, gt=0, description="seconds of measured throughput in one wave")
    waves_in_flight: int = Field(2, ge=1)
    tasks_per_wave: int = Field(2, ge=1)
    max_calls: int | None = Field(None, ge=0, description="no new wave starts past this many new calls")


class Config(Strict):
    """Everything a run needs to know."""

    profile: Profile
    benchmarks: bool = Field(False, description="whether a run that names no sources takes test sets too")
    storage: Storage = Storage()
    spark: Spark = Spark()
    media: Media = Media()
    dedup: Dedup = Dedup()
    engines: tuple[Engine, ...]
    rewriting: Rewriting
    judging: Judging
    publishing: Publishing
    gate: Gate = Gate()
    export: Export = Export()
    spending: Spending = Spending()
    sql: Sql = Sql()

    @model_validator(mode="after")
    def _names_agree(self) -> "Config":
        engines = {engine.name for engine in self.engines}
        judges = {judge.name for judge in self.judging.judges}
        for judge in self.judging.judges:
            if judge.engine not in engines:
                raise ValueError(
                    f"judging.judges: {judge.name} names engine {judge.engine!r}; engines: {sorted(engines)}"
                )
        if self.publishing.judge not in judges:
            raise ValueError(f"publishing.judge is {self.publishing.judge!r}; judges: {sorted(judges)}")
        missing = sorted(set(Category) - set(self.rewriting.prompts))
        if missing:
            raise ValueError(f"rewriting.prompts lacks {missing}")
        return self

    def engine_for(self, role: EngineRole) -> Engine:
        """The first engine with this role, or with `vision` where none has `text`."""
        for wanted in (role, EngineRole.VISION, EngineRole.TEXT):
            for engine in self.engines:
                if wanted in engine.roles:
                    return engine
        raise ConfigError("no engine has a role", "give one engine of the configuration the role vision or text")


def _profile(name: str) -> dict[str, Any]:
    """A packaged profile over the one that it names as its `base`."""
    tree = yaml.safe_load(files("schemas").joinpath("profiles", f"{name}.yaml").read_text("utf-8"))
    base = tree.pop("base", None)
    return merge(_profile(base), tree) if base else dict(tree)


def load_config(profile: Profile, file: Path | None = None, settings: Sequence[str] = ()) -> Config:
    """Profile, file and settings merged and validated; the error names key, value and what is allowed."""
    tree = _profile(profile.value)
    if file is not None:
        if not file.is_file():
            raise ConfigError(f"configuration file {file} does not exist", "give --config an existing YAML file")
        try:
            own = yaml.safe_load(file.read_text("utf-8")) or {}
        except yaml.YAMLError as error:
            raise ConfigError(f"configuration file {file} is not YAML: {error}", "mend the line named above") from error
        if not isinstance(own, dict):
            raise ConfigError(f"configuration file {file} holds a {type(own).__name__}", "its top level must be keys")
        tree = merge(tree, own)
    for setting in settings:
        tree = assign(tree, setting)
    try:
        return Config.model_validate({**tree, "profile": profile.value})
    except ValidationError as error:
        lines = [told(fault) for fault in error.errors()]
        raise ConfigError("configuration: " + "; ".join(lines), "`mammoth-vl config show` prints all keys") from error
