"""Facts for every section, no number of which stands twice in a table: none can be taken for another."""

from jobs.agreement import ALL, Agreement, Kappa
from jobs.report.facts import (
    Compared,
    Cost,
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
)  # fmt: skip

NAN = float("nan")


def kappa(a: str, b: str, items: int, equal: float, *span: float, category: str = ALL) -> Kappa:
    """Agreement of two raters; `span` is kappa with the ends of its interval."""
    value, low, high = span
    return Kappa(a=a, b=b, category=category, items=items, agreed=equal, kappa=value, low=low, high=high)


AGREEMENT = Agreement(
    people=("ann", "bob", "eve"),
    judges=("main", "second"),
    kappas=(
        kappa("main", "ann", 61, 0.881, 0.72, 0.54, 0.86), kappa("main", "bob", 59, 0.842, 0.66, 0.45, 0.83),
        kappa("main", "eve", 57, 0.793, 0.51, 0.31, 0.74), kappa("second", "ann", 55, 0.754, 0.44, 0.21, 0.68),
        kappa("second", "bob", 53, 0.705, 0.38, 0.15, 0.63), kappa("second", "eve", 49, 0.656, 0.29, 0.06, 0.52),
        kappa("ann", "bob", 47, 0.817, 0.58, 0.34, 0.79), kappa("ann", "eve", 43, 0.768, 0.47, 0.23, 0.71),
        kappa("bob", "eve", 41, 0.689, 0.33, 0.09, 0.57), kappa("main", "second", 97, 0.913, 0.81, 0.67, 0.92),
        kappa("main", "ann", 13, 0.927, 0.85, 0.42, 0.99, category="Chart"),
        kappa("ann", "bob", 3, 1.0, NAN, NAN, NAN, category="OCR"),
    ),
)  # fmt: skip

RELEASE = ReleaseFacts(
    release_id=4, rows=2_000, at="2026-03-05 07:08 UTC", table_version=19, content_hash="c0ffee", run_id="r6",
    gate_id="g3", success=True,
    expectations=(
        Expectation(name="drop_rate", success=True, observed="0.219", allowed="0.05 to 0.8"),
        Expectation(name="max_contaminated", success=False, observed="7 rows", allowed="at most 2"),
    ),
    counts={
        "category": {
            "Video": 80, "Multi-Image": 30, "Detection": 120, "Language": 180, "Code&Math": 90, "Domain-specific": 40,
            "Caption": 60, "Chart": 620, "OCR": 480, "General": 300,
        },
        "kind": {"original": 700, "rewritten": 1_300},
    },
)  # fmt: skip

FACTS = Facts(
    root="tables", made_at="2026-03-06 09:10 UTC", judge="main", threshold="p yes 0.55", release=RELEASE,
    intake=(
        Intake("charts", "Chart", "B", records=1_900, units=2_310, samples=1_500, duplicates=170, rejected=230),
        Intake("signs", "OCR", "A", records=87, units=95, samples=60, duplicates=11, rejected=16),
    ),
    benchmarks=("signs", "plans"),
    reasons=(
        Reason("no_answer", rows=140, sources=3, example="nobody answers", place="charts a.json 7"),
        Reason("too_long", rows=19, sources=2, example="x" * 300, place="signs b.json 8"),
    ),
    rewrites=(
        Rewrites("Chart", replies=211, pairs=523, lost={"truncated": 29, "refused": 13}, text_evidence=37),
        Rewrites("OCR", replies=71, pairs=83, lost={"truncated": 5}, text_evidence=41),
    ),
    judged=(
        Judged("Chart", pairs=400, passed=310, unparsed=9), Judged("OCR", pairs=250, passed=175, unparsed=4),
        Judged("General", pairs=120, passed=111, unparsed=6), Judged("Code&Math", pairs=50, passed=43, unparsed=2),
        Judged("Video", pairs=64, passed=50, unparsed=3), Judged("Detection", pairs=16, passed=14, unparsed=7),
    ),
    candidates={
        "original": {"too_long": 31, "accepted": 1_200},
        "rewritten": {"below_threshold": 197, "too_long": 8, "accepted": 640},
    },
    left_out={"max_per_source": 53, "share_rewritten": 22}, shortfalls=("Video lacks 12 rows.",),
    scores=(
        Scores(
            "charts", originals=300, rewrites=200, content_original=3.0, relevance_original=4.0, content_rewritten=3.6,
            relevance_rewritten=4.5,
            paper={
                "content_original": 3.3, "relevance_original": 4.1, "content_rewritten": 3.7,
                "relevance_rewritten": 4.3,
            },
        ),
        Scores(
            "signs", originals=100, rewrites=50, content_original=2.2, relevance_original=3.2, content_rewritten=2.6,
            relevance_rewritten=None,
        ),
    ),
    lengths=({6: 3, 8: 5, 9: 2}, {8: 1, 9: 7, 10: 4}),
    map=InstructionMap(
        before=((0.1, 0.2), (0.3, 0.4)), after=((0.5, 0.6), (0.7, 0.8), (0.9, 0.25)),
        categories_before=("Chart", "OCR"), categories_after=("OCR", "Video", "OCR"), spread_before=0.125,
        spread_after=0.375, method="by hand",
    ),
    costs=(
        Cost("judge", "small", paid=430, replayed=12, failed=5, prompt=61_000, cached=8_800, completion=1_700,
             seconds=940.0, gpu_hours=0.5, money=1.1),
        Cost("rewrite", "big", paid=610, replayed=42, failed=17, prompt=90_100, cached=33_300, completion=25_500,
             seconds=7_250.0, gpu_hours=1.25, money=3.5),
        Cost("score", "far", paid=24, replayed=9, failed=0, prompt=2_400, cached=310, completion=75, seconds=66.0),
    ),
    reuse=(
        Reuse("rewrite", runs=3, calls_new=601, calls_reused=1_442),
        Reuse("judge", runs=2, calls_new=433, calls_reused=78),
    ),
    twins={"near_text": (45, 26), "benchmark": (7, 6)}, held_out=("chartqa_test", "docvqa_test"),
    agreement=AGREEMENT,
    compared=Compared(
        ("main", "second"),
        (("OCR", 90, 63, 54), ("Chart", 200, 150, 110), ("Video", 30, 27, 20), ("Detection", 10, 8, 6)),
        kappa("main", "second", 330, 0.8, 0.41, 0.32, 0.53),
    ),
)  # fmt: skip
