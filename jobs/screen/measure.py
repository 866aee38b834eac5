"""What a sample of records is like, in numbers."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import quantiles

from jobs.look import Seen
from schemas.enums import DropReason, Role
from udfs.adapters.fields import dotted

WORD = re.compile(r"[぀-ヿ㐀-鿿가-힯]|[^\W_]+(?:['’.-][^\W_]+)*")
"""A word, or one letter of a script without blanks."""
SENTENCE = re.compile(r"[.!?](?:\s|$)|[。！？]|\n+")
REASONS = re.compile(
    r"\b(because|since|therefore|thus|hence|so|which means|step|first|then|finally|given that|implies|because of|"
    r"weil|daher|also|deshalb|car|donc|porque|entonces|perché)\b|[=⇒∴∵]|因为|因為|所以|因此|首先|ので|から|したがって",
    re.IGNORECASE,
)
SENTENCE_WORDS = 4
RATIONALE = "two sentences or lines of 4 words or more with a word of inference (because, so, step, =), or four of them"
MARKS = (0.1, 0.5, 0.9)
SPLITS = (
    "data_source",
    "source",
    "dataset",
    "dataset_name",
    "metadata.dataset",
    "task",
    "task_type",
    "task_name",
    "subset",
)
"""Fields by which publishers tell the sources of one file apart."""
MOST = 50
"""Values that such a field may have."""


@dataclass
class Measured:
    """Numbers of one sample of records."""

    records: int = 0
    samples: int = 0
    duplicates: int = 0
    rejects: Counter[str] = field(default_factory=Counter)
    words: tuple[float, ...] = ()
    """Words of an answer: the 10th, 50th and 90th percentile."""
    rationales: float = 0.0
    """Share of answers that hold a rationale."""
    distinct: int = 0
    """Different answers."""
    sides: tuple[float, ...] = ()
    """Shorter side of a picture in px, likewise."""
    languages: Counter[str] = field(default_factory=Counter)
    scores: tuple[float, ...] = ()
    """Mean information and relevance, 1-5; empty: no engine was asked, or none of its replies could be read."""
    asked: bool = False

    splits: dict[str, Counter[str]] = field(default_factory=dict)
    """Fields that may tell several sources apart, with the values that they have."""

    @property
    def unusable(self) -> float:
        """Share of records that are rejects or duplicates; media that are only missing here say nothing."""
        told = self.records - self.rejects[DropReason.MISSING_MEDIA.value]
        return 1 - self.samples / told if told else 1.0


def measure(seen: Iterable[Seen]) -> Measured:
    """Counts and percentiles; the second sample with the same content is a duplicate."""
    found, ids, answers, sides = Measured(), set[str](), list[str](), list[int]()
    for one in seen:
        found.records += 1
        for path in SPLITS:
            if isinstance(value := dotted(one.record.value, path), str):
                found.splits.setdefault(path, Counter())[value] += 1
        sides += [min(row["width"], row["height"]) for row in one.media if row.get("width")]
        if one.sample is None:
            found.rejects[str(one.reject and one.reject["drop_reason"])] += 1
        elif one.sample["sample_id"] in ids:
            found.duplicates += 1
        else:
            ids.add(one.sample["sample_id"])
            found.languages[one.sample["language"]] += 1
            answers += [turn["text"] for turn in one.sample["conversation"] if turn["role"] == Role.ASSISTANT.value]
    found.samples = len(ids)
    found.splits = {path: values for path, values in found.splits.items() if 1 < len(values) <= MOST}
    found.distinct = len(set(answers))
    found.words = percentiles([len(WORD.findall(answer)) for answer in answers])
    found.rationales = sum(map(reasons, answers)) / len(answers) if answers else 0.0
    found.sides = percentiles(sides)
    return found


def reasons(answer: str) -> bool:
    """Whether an answer holds a rationale; see RATIONALE."""
    parts = [part for part in SENTENCE.split(answer) if part and len(WORD.findall(part)) >= SENTENCE_WORDS]
    return len(parts) >= 4 or (len(parts) >= 2 and REASONS.search(answer) is not None)


def percentiles(values: Sequence[float]) -> tuple[float, ...]:
    """The 10th, 50th and 90th percentile; nothing of nothing."""
    if len(values) < 2:
        return tuple(float(value) for value in values for _ in MARKS)
    cuts = quantiles(values, n=10, method="inclusive")
    return tuple(cuts[round(10 * mark) - 1] for mark in MARKS)
