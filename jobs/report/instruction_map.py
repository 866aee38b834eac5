"""Instructions before and after on one map: vectors and t-SNE, one seed, nothing downloaded."""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

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
Vectors = npt.NDArray[np.float32]


def map_instructions(before: Sequence[Said], after: Sequence[Said], by_meaning: bool = True) -> InstructionMap | None:
    """One embedding for both sides, so that places can be compared; None where there is too little to place.

    By meaning where the packaged vectors and openTSNE are installed (extra `map`), else by words.
    """
    if min(len(before), len(after)) < LEAST:
        return None
    texts = [text for _, text in (*before, *after)]
    split = len(before)
    known = word_piece_folder() if by_meaning and find_spec("openTSNE") else None
    # One thread: the same map on every machine, and no threads that spin against Spark's.
    with np.errstate(all="ignore"), threadpool_limits(1):
        vectors, method = (_meanings(texts, known), MEANINGS) if known else (_words(texts), WORDS)
        perplexity = min(PERPLEXITY, (len(texts) - 1) / 3)
        flat = _unit(_tsne(vectors, perplexity) if known else _sklearn_tsne(vectors, perplexity))
    places = [(float(x), float(y)) for x, y in flat]
    return InstructionMap(
        tuple(places[:split]),
        tuple(places[split:]),
        tuple(category for category, _ in before),
        tuple(category for category, _ in after),
        _spread(vectors[:split]),
        _spread(vectors[split:]),
        f"{method}, t-SNE (perplexity {perplexity:.0f}, seed {SEED}) of both sides together",
        "mean alike" if known else "are worded alike",
    )


MEANINGS = "mean of static word-piece vectors (WordLlama l2_supercat, 256 dimensions)"
WORDS = (
    f"words and word pairs hashed to 65,536 features, TF-IDF, truncated SVD to {DIMENSIONS} dimensions (install "
    "mammoth-vl[map] for a map by meaning)"
)


def word_piece_folder() -> Path | None:
    """Folder of the package whose vectors are used; the package itself is not imported."""
    found = find_spec("wordllama")
    return Path(found.origin).parent if found is not None and found.origin else None


def _meanings(texts: Sequence[str], folder: Path) -> Vectors:
    """Unit vectors; a text without a known word piece is at the origin."""
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    (pieces,) = load_file(folder / "weights" / "l2_supercat_256.safetensors").values()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizers" / "l2_supercat_tokenizer_config.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    vectors = np.zeros((len(texts), pieces.shape[1]), dtype=np.float32)
    for at, encoded in enumerate(tokenizer.encode_batch(list(texts), add_special_tokens=False)):
        if encoded.ids:
            vectors[at] = pieces[encoded.ids].mean(axis=0, dtype=np.float32)
    return np.asarray(normalize(vectors), dtype=np.float32)


def _tsne(vectors: Vectors, perplexity: float) -> npt.NDArray[np.float64]:
    from openTSNE import TSNE as OpenTSNE  # noqa: N811 - another one has the name

    fitted = OpenTSNE(
        perplexity=perplexity, initialization="random", neighbors="exact", negative_gradient_method="bh",
        n_jobs=1, random_state=SEED,
    ).fit(vectors)  # fmt: skip
    return np.asarray(fitted, dtype=np.float64)


def _words(texts: Sequence[str]) -> Vectors:
    hashed = HashingVectorizer(
        n_features=1 << 16, ngram_range=(1, 2), norm=None, alternate_sign=False, token_pattern=WORD
    ).transform(texts)
    weights = TfidfTransformer(sublinear_tf=True).fit_transform(hashed)
    # Texts that are all the same have no variance to explain; the map is one spot then.
    reduced = TruncatedSVD(min(DIMENSIONS, len(texts) - 1), random_state=SEED).fit_transform(weights)
    return np.asarray(np.nan_to_num(normalize(reduced)), dtype=np.float32)


def _sklearn_tsne(vectors: Vectors, perplexity: float) -> npt.NDArray[np.float64]:
    fitted = TSNE(perplexity=perplexity, init="random", random_state=SEED).fit_transform(vectors)
    return np.asarray(fitted, dtype=np.float64)


def _unit(flat: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Places moved into the unit square, proportions kept."""
    low = flat.min(axis=0)
    placed: npt.NDArray[np.float64] = (flat - low) / max(float((flat.max(axis=0) - low).max()), 1e-9)
    return placed


def _spread(vectors: Vectors) -> float:
    """Mean cosine distance of two different rows of unit length, from the length of their sum."""
    rows, whole = vectors.shape[0], vectors.sum(axis=0, dtype=np.float64)
    own = float((vectors.astype(np.float64) ** 2).sum())
    return max(0.0, float(1 - (whole @ whole - own) / (rows * (rows - 1))))
