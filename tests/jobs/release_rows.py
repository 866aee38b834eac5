"""Rows as normalise, rewrite and judge would leave them, made up."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from schemas.config import Config, Profile, load_config
from udfs.ids import pair_id

Rows = list[dict[str, Any]]
HOSTILE = "<script>alert(1)</script>|[x](javascript:y)\n---\n# title"
FREE = {"spdx": "CC-BY-4.0", "commercial": "yes", "redistribution": "yes"}
PASSED = {
    "gold_preserved": None, "arithmetic_holds": None, "no_refusal": True, "no_template": True, "no_repetition": True,
}  # fmt: skip


def digest(*parts: object) -> str:
    return sha256("/".join(map(str, parts)).encode()).hexdigest()


def picture(shade: int) -> bytes:
    stream = BytesIO()
    Image.new("RGB", (33, 31), (shade, 128, 255 - shade)).save(stream, "JPEG")
    return stream.getvalue()


@dataclass(frozen=True)
class Group:
    """A source to make up."""

    source_id: str
    group: str
    category: str
    modality: str
    rows: int
    media: tuple[str, ...] = ()
    status: str = "present"


PICTURES = tuple(digest("picture", n) for n in range(5))
VIDEO = digest("video")
GROUPS = (
    Group("charts", "B", "Chart", "image", 100, PICTURES[:1]),
    Group("photos", "A", "General", "image", 20, PICTURES[1:2]),
    Group("words", "text", "Language", "text", 10, (), "none"),
    Group("albums", "A", "Multi-Image", "multi_image", 6, PICTURES[2:4]),
    Group("clips", "A", "Video", "video", 4, (VIDEO,)),
    Group("poor", "C", "OCR", "image", 3, PICTURES[4:]),
    Group("hollow", "A", "OCR", "image", 2, (digest("never read"),), "absent"),
)


def make_sample(made: Group, n: int) -> dict[str, Any]:
    marks = ("<video>" if made.modality == "video" else "<image>") + "\n"
    content = digest("content", made.source_id, n)
    turns = [
        {"role": "user", "text": marks * len(made.media) + f"question {n}"},
        {"role": "assistant", "text": f"answer {n} “quoted”"},
    ]
    return {
        "sample_id": digest("sample", content), "content_id": content, "source_id": made.source_id,
        "group": made.group, "category": made.category, "modality": made.modality, "language": "en",
        "media": list(made.media), "media_status": made.status, "conversation": turns, "licence": FREE,
        "origin": {"file": "a.json", "position": n, "units": 1, "record_hash": digest(n), "original_id": None,
                   "notes": None},
    }  # fmt: skip


def make_pair(sample: Mapping[str, Any], **changes: object) -> dict[str, Any]:
    asked, answer = sample["conversation"][0]["text"], f"because of {sample['sample_id'][:6]}"
    turns = [{"role": "user", "text": asked}, {"role": "assistant", "text": answer}]
    return {
        "pair_id": pair_id(sample["media"], asked, answer), "sample_id": sample["sample_id"],
        "content_id": sample["content_id"], "source_id": sample["source_id"],
        "call_key": digest("call", sample["content_id"]), "position": 0, "task_type": None, "parse_status": "ok",
        "instruction": asked, "response": answer, "conversation": turns, "text_evidence": True, "checks": PASSED,
    } | changes  # fmt: skip


def make_verdict(pair: Mapping[str, Any], p_yes: float | None, **changes: object) -> dict[str, Any]:
    verdict = "unparsed" if p_yes is None else "yes" if p_yes >= 0.5 else "no"
    return {
        "subject_id": pair["pair_id"], "subject_kind": "rewritten", "judge_id": "j1", "judge": "main",
        "sample_id": pair["sample_id"], "source_id": pair["source_id"], "p_yes": p_yes, "label_mass": 0.9,
        "verdict": verdict, "checks": PASSED, "call_key": digest("judging", pair["pair_id"]),
    } | changes  # fmt: skip


def make_media() -> tuple[Rows, Rows]:
    facts, parts = [], []
    for media_id in (*PICTURES, VIDEO):
        frames = 3 if media_id == VIDEO else 1
        kind, form = ("video", "mp4") if media_id == VIDEO else ("image", "JPEG")
        facts.append(
            {"media_id": media_id, "kind": kind, "format": form, "bytes": 9, "width": 33, "height": 31,
             "frames": frames, "parts": frames, "standard_width": 33, "standard_height": 31}
        )  # fmt: skip
        for part in range(frames):
            data = picture(40 * part + int(media_id[:1], 16))
            parts.append(
                {"media_id": media_id, "part": part, "sha256": sha256(data).hexdigest(), "format": "jpeg",
                 "width": 33, "height": 31, "data": data, "bucket": int(media_id[:4], 16) % 4}
            )  # fmt: skip
    return facts, parts


def make_calls(pairs: Sequence[Mapping[str, Any]]) -> Rows:
    named = {"prompt_version": "p1", "model": "small", "revision": "r1", "status": "ok", "attempt": 1}
    return [{"call_key": key, "purpose": "rewrite", **named} for key in sorted({pair["call_key"] for pair in pairs})]


def make_runs(samples: Rows, pairs: Rows) -> Rows:
    """What the stages would have logged of these rows."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    run = {"run_id": "run 0", "started": at, "ended": at, "facts": "{}", "rejected": 0}
    read = Counter(sample["source_id"] for sample in samples)
    rows = [
        {**run, "stage": "normalise", "source_id": name, "records": n, "rows_in": n, "rows_out": n}
        for name, n in read.items()
    ]
    return rows + [
        {**run, "stage": stage, "rows_in": len(pairs), "rows_out": len(pairs)} for stage in ("rewrite", "judge")
    ]


def settings(root: Path, *more: str) -> Config:
    own = ["publishing.threshold={kind: absolute, value: 0.3}", "publishing.si_share=0.9"]
    return load_config(Profile.LAPTOP, None, [f"storage.root={root}", *own, *more])
