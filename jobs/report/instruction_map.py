"""Instructions before and after on one map: hashed TF-IDF, truncated SVD, t-SNE; one seed, no model, no download."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.manifold import TSNE
from sklearn.preprocessing import normalize
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # ships no types

from jobs.report.facts import InstructionMap

SEED = 0
LEAST = 10
"""Fewer instructions on a side make no map."""
DIMENSIONS = 50
PERPLEXITY = 30
WORD = r"(?u)\b\w+\b"

Said = tuple[str, str]
"""Category and instruction."""


def map_instructions(before: Sequence[Said], after: Sequence[Said]) -> InstructionMap | None:
    """One embedding for both sides, so that places can be compared; None where there is too little to place."""
    if min(len(before), len(after)) < LEAST:
        return None
    texts = [text for _, text in (*before, *after)]
    hashed = HashingVectorizer(
        n_features=1 << 16, ngram_range=(1, 2), norm=None, alternate_sign=False, token_pattern=WORD
    ).transform(texts)
    weights = TfidfTransformer(sublinear_tf=True).fit_transform(hashed)
    # Texts that are all the same have no variance to explain; the map is one spot then.
    # One thread: the same map on every machine, and no threads that spin against Spark's.
    with np.errstate(all="ignore"), threadpool_limits(1):
        reduced = TruncatedSVD(min(DIMENSIONS, len(texts) - 1), random_state=SEED).fit_transform(weights)
        reduced = np.nan_to_num(normalize(reduced))
        perplexity = min(PERPLEXITY, (len(texts) - 1) / 3)
        flat = TSNE(perplexity=perplexity, init="random", random_state=SEED).fit_transform(reduced)
    places = [(float(x), float(y)) for x, y in _unit(np.asarray(flat, dtype=np.float64))]
    split = len(before)
    return InstructionMap(
        tuple(places[:split]),
        tuple(places[split:]),
        tuple(category for category, _ in before),
        tuple(category for category, _ in after),
        _spread(weights[:split]),
        _spread(weights[split:]),
        f"words and word pairs hashed to 65,536 features, TF-IDF, truncated SVD to {DIMENSIONS} dimensions, t-SNE "
        f"(perplexity {perplexity:.0f}, seed {SEED}) of both sides together",
    )


def _unit(flat: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Places moved into the unit square, proportions kept."""
    low = flat.min(axis=0)
    placed: npt.NDArray[np.float64] = (flat - low) / max(float((flat.max(axis=0) - low).max()), 1e-9)
    return placed


def _spread(weights: npt.NDArray[np.float64]) -> float:
    """Mean cosine distance of two different rows, from the length of their mean."""
    units = normalize(weights)
    rows = units.shape[0]
    whole = np.asarray(units.sum(axis=0)).ravel()
    own = float(units.multiply(units).sum())
    return float(1 - (whole @ whole - own) / (rows * (rows - 1)))
