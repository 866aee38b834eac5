"""What a report says, as plain values; `collect` fills them, `sections` puts them into words."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jobs.agreement import Agreement, Kappa
from jobs.report.card import Card


@dataclass(frozen=True)
class Expectation:
    """One expectation of the gate."""

    name: str
    success: bool
    observed: str
    allowed: str


@dataclass(frozen=True)
class ReleaseFacts:
    """A published release and the verdict that let it pass."""

    release_id: int
    rows: int
    at: str
    table_version: int
    content_hash: str
    run_id: str
    gate_id: str
    success: bool | None
    """None where the verdict is not in the tables."""
    expectations: tuple[Expectation, ...]
    counts: Mapping[str, Mapping[str, int]]
    restored_from: int | None = None
    """The earlier release whose rows, run and gate these are, after a rollback."""


@dataclass(frozen=True)
class Intake:
    """What the newest reading of one source gave; records = samples + duplicates + rejected."""

    source_id: str
    category: str
    group: str
    records: int
    units: int
    samples: int
    duplicates: int
    rejected: int


@dataclass(frozen=True)
class Reason:
    """Records dropped for one reason, with an example."""

    reason: str
    rows: int
    sources: int
    example: str
    place: str


@dataclass(frozen=True)
class Rewrites:
    """Replies to rewrite requests of one category and what the parser made of them."""

    category: str
    replies: int
    pairs: int
    lost: Mapping[str, int]
    """Replies without a pair by parse status."""
    text_evidence: int
    """Pairs written from the source's text, not from the picture."""


@dataclass(frozen=True)
class Judged:
    """Pairs of one category before and after the deciding judge."""

    category: str
    pairs: int
    passed: int
    unparsed: int


@dataclass(frozen=True)
class Scores:
    """Mean scores of one source; None where nothing was scored."""

    source_id: str
    originals: int
    rewrites: int
    content_original: float | None
    relevance_original: float | None
    content_rewritten: float | None
    relevance_rewritten: float | None
    paper: Mapping[str, float] = field(default_factory=dict)
    """What the paper's Table A6 reports of this source, by the names above."""


@dataclass(frozen=True)
class Cost:
    """Calls of one purpose to one model; tokens and seconds are those of the paid ones."""

    purpose: str
    model: str
    paid: int
    replayed: int
    failed: int
    prompt: int
    cached: int
    completion: int
    seconds: float
    gpu_hours: float | None = None
    """None: an endpoint, whose GPUs are not ours, or a model that the configuration does not name."""
    money: float | None = None
    """None: no price is set."""


@dataclass(frozen=True)
class Reuse:
    """What a stage paid and what it did not have to pay, over all runs."""

    stage: str
    runs: int
    calls_new: int
    calls_reused: int


@dataclass(frozen=True)
class Compared:
    """Two judges on the same pairs: per category pairs, kept by the first, kept by the second."""

    names: tuple[str, str]
    rows: tuple[tuple[str, int, int, int], ...]
    kappa: Kappa


@dataclass(frozen=True)
class InstructionMap:
    """Instructions before and after on one map, in the unit square."""

    before: tuple[tuple[float, float], ...]
    after: tuple[tuple[float, float], ...]
    categories_before: tuple[str, ...]
    categories_after: tuple[str, ...]
    spread_before: float
    """Mean cosine distance of two instructions, 0 to 1."""
    spread_after: float
    method: str
    alike: str = "mean alike"
    """What brings two dots together: they `mean alike` or `are worded alike`."""


@dataclass(frozen=True)
class Facts:
    """All of it."""

    root: str
    made_at: str
    judge: str
    threshold: str
    release: ReleaseFacts | None = None
    today: frozenset[str] = frozenset()
    """Sections about a release that could not be had as of then."""
    intake: tuple[Intake, ...] = ()
    reasons: tuple[Reason, ...] = ()
    rewrites: tuple[Rewrites, ...] = ()
    judged: tuple[Judged, ...] = ()
    candidates: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Rows by kind and what speaks against them, as publishing counted them."""
    left_out: Mapping[str, int] = field(default_factory=dict)
    shortfalls: tuple[str, ...] = ()
    scores: tuple[Scores, ...] = ()
    lengths: tuple[Mapping[int, int], Mapping[int, int]] = field(default=({}, {}))
    """Originals and rewrites by bin n of length [2^(n/2), 2^((n+1)/2)) tokens."""
    map: InstructionMap | None = None
    costs: tuple[Cost, ...] = ()
    reuse: tuple[Reuse, ...] = ()
    benchmarks: tuple[str, ...] = ()
    """Sources that were read and are test sets."""
    twins: Mapping[str, tuple[int, int]] | None = None
    """Rows found and rows left out by kind of twin; None where nobody looked."""
    held_out: tuple[str, ...] = ()
    """Benchmarks with which samples were compared."""
    agreement: Agreement | None = None
    compared: Compared | None = None
    cards: tuple[Card, ...] = ()
