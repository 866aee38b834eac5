"""Row code of the normalise pass by family, without Spark: rows and MB a second of one process, annotations alone.

    python -m benchmarks.families [--rows 20000]

Records are made in each publisher's layout, read through the planner, the reader and the adapter, and counted; each
row must become a sample. Run it from the repository root.
"""

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from jobs.normalise.plan import plan_sources
from jobs.normalise.read import Pass, join_parts, read_items, read_parts
from schemas.config import Media, MediaMode, Storage
from schemas.source import packaged_sources

Row = dict[str, Any]
TEXT = "what can be seen on the left side of this picture behind the old house with a red roof"
WORDS = TEXT.split(" ")


def said(n: int, words: int) -> str:
    """A text of its own for each number."""
    return f"{n} " + " ".join(itertools.islice(itertools.cycle(WORDS), n % 7, n % 7 + words))


def turns(n: int) -> list[Row]:
    """A question and an answer as LLaVA writes them."""
    asked, answered = ("human", f"<image>\n{said(n, 15)}?"), ("gpt", f"{said(n, 60)}.")
    return [{"from": speaker, "value": text} for speaker, text in (asked, answered)]


def document(value: object) -> bytes:
    """JSON."""
    return json.dumps(value).encode()


def lines(rows: Sequence[Row]) -> bytes:
    """JSON lines."""
    return "\n".join(map(json.dumps, rows)).encode()


def table(rows: Sequence[Row]) -> bytes:
    """Parquet as large as what it holds, so that MB mean the same everywhere."""
    held = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(list(rows)), held, compression="none", use_dictionary=False)
    return held.getvalue().to_pybytes()


def keyed(n: int, **more: object) -> Row:
    """A question about a numbered picture."""
    return {"question": f"{said(n, 12)}?", "image_id": n, "question_id": n, **more}


def vqa(rows: range) -> dict[str, bytes]:
    """VQAv2's two files."""
    told = [{"question_id": n, "image_id": n, "multiple_choice_answer": f"red {n}", "answers": []} for n in rows]
    return {
        "v2_OpenEnded_mscoco_train2014_questions.json": document({"questions": [keyed(n) for n in rows]}),
        "v2_mscoco_train2014_annotations.json": document({"annotations": told}),
    }


MADE: dict[str, tuple[str, Callable[[range], dict[str, bytes]]]] = {
    "llava_json": ("q_instruct", lambda rows: {"cleaned_labels.json": document([
        {"id": str(n), "image": f"a/{n}.jpg", "conversations": turns(n)} for n in rows])}),
    "ov_parquet": ("ai2d_gpt4v", lambda rows: {"ai2d(gpt4v)/a.parquet": table([
        {"id": str(n), "image": {"bytes": b"\xff\xd8", "path": f"{n}.jpg"}, "conversations": turns(n)}
        for n in rows])}),
    "docowl_jsonl": ("mplug_docowl_chart", lambda rows: {"train.jsonl": lines([
        {"image": [f"./imgs/{n}.png"], "messages": [
            {"role": "user", "content": f"<|image|>{said(n, 15)}?"}, {"role": "assistant", "content": said(n, 60)}]}
        for n in rows])}),
    "vqa_pairs": ("vqav2", vqa),
    "gqa_json": ("gqa", lambda rows: {"train_balanced_questions.json": document({
        str(n): {"imageId": str(n), "question": f"{said(n, 12)}?", "answer": "yes", "fullAnswer": f"Yes, {n}."}
        for n in rows})}),
    "clevr_json": ("clevr", lambda rows: {"questions/CLEVR_train_questions.json": document({"questions": [
        keyed(n, image_filename=f"CLEVR_train_{n:06d}.png", image_index=n, answer="3", split="train")
        for n in rows]})}),
    "text_rows": ("orca_math", lambda rows: {"data/train-0.parquet": table([
        {"question": said(n, 40), "answer": said(n, 90)} for n in rows])}),
    "screen2words_csv": ("screen2words_cauldron", lambda rows: {
        "screen_summaries.csv": ("screenId,summary\n" + "".join(f"{n},{said(n, 8)}\n" for n in rows)).encode()}),
}  # fmt: skip


def measure(source_id: str, files: dict[str, bytes]) -> tuple[int, float]:
    """Samples and seconds of one source's files."""
    with tempfile.TemporaryDirectory() as name:
        for file, content in files.items():
            path = Path(name, source_id, file)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        source, storage = packaged_sources()[source_id], Storage(sources_root=name)
        began = time.perf_counter()
        plan = plan_sources([source], storage)
        todo = Pass("bench", {source_id: source}, plan.folders, Media(mode=MediaMode.SKIP), {}, storage.media_buckets)
        items = [pa.RecordBatch.from_pylist([{"plan": msg} for msg in _plans(plan.items)])]
        if source_id in plan.joined:
            groups: dict[str, Row] = {}
            for row in (row for batch in read_parts(items, todo) for row in batch.to_pylist()):
                group = groups.setdefault(row["join_key"], {**row, "units": [], "spans": []})
                group["units" if row["unit"] else "spans"].append(row["unit"] or row["span"])
            rows = [
                {key: group[key] for key in ("source_id", "join_key", "units", "spans")} for group in groups.values()
            ]
            made = join_parts([pa.RecordBatch.from_pylist(rows)], todo, plan.families)
        else:
            made = read_items(items, todo)
        samples = sum(batch.num_rows - batch.column("sample").null_count for batch in made)
        return samples, time.perf_counter() - began


def _plans(items: Sequence[Any]) -> list[str]:

    return [msgspec.json.encode(item).decode() for item in items]


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints a line for each family."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    rows = range(parser.parse_args(arguments).rows)
    for family, (source_id, make) in MADE.items():
        files = make(rows)
        samples, seconds = measure(source_id, files)
        size = sum(map(len, files.values())) / 1e6
        assert samples == len(rows), (family, samples)
        print(f"{family}: {samples / seconds:,.0f} rows/s, {size / seconds:.1f} MB/s ({size:.1f} MB)", flush=True)


if __name__ == "__main__":
    main()
