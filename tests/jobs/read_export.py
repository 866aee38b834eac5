"""Reads an export by the library that it is made for, and prints what that library gives: one JSON line per example.

A script of its own, since each library wants another environment: `read_export.py FORMAT FOLDER SCRATCH`.
"""

import json
import sys
from hashlib import sha256
from pathlib import Path


def hf(folder: Path, scratch: Path):
    from datasets import Image, List, load_dataset

    loaded = load_dataset(str(folder), cache_dir=str(scratch))
    for split, rows in loaded.items():
        raw = rows.cast_column("images", List(Image(decode=False)))
        for row, stored in zip(rows, raw, strict=True):
            hashes = [sha256(image["bytes"]).hexdigest() for image in stored["images"]]
            yield {**row, "split": split, "images": [image.size for image in row["images"]], "hashes": hashes}


def webdataset(folder: Path, scratch: Path):
    import webdataset as wds

    for split in ("si", "ov"):
        names = sorted(map(str, folder.glob(f"{split}/*.tar")))
        decoded = wds.WebDataset(names, shardshuffle=False).decode("pil")
        plain = wds.WebDataset(names, shardshuffle=False)
        for row, raw in zip(decoded, plain, strict=True):
            told = row["json"]
            assert row["__key__"] == told["id"]
            hashes = [sha256(raw[name]).hexdigest() for name in told["images"]]
            yield {**told, "split": split, "images": [row[name].size for name in told["images"]], "hashes": hashes}


def mds(folder: Path, scratch: Path):
    from streaming import StreamingDataset

    for split in ("si", "ov"):
        rows = StreamingDataset(
            local=str(folder / split), split=None, shuffle=False, batch_size=1, validate_hash="sha256"
        )
        write_again(folder / split, list(rows), scratch / split)
        for row in rows:
            hashes = [sha256(image.fp.getvalue()).hexdigest() for image in row["images"]]
            yield {**row, "split": split, "images": [image.size for image in row["images"]], "hashes": hashes}


def write_again(folder: Path, rows: list, scratch: Path):
    """The library's own writer gives the same bytes, shard by shard."""
    from PIL import Image
    from streaming import MDSWriter

    at = 0
    for number, shard in enumerate(json.loads((folder / "index.json").read_text())["shards"]):
        columns = dict(zip(shard["column_names"], shard["column_encodings"], strict=True))
        out = scratch / str(number)
        with MDSWriter(columns=columns, out=str(out), hashes=["sha256"], size_limit=None) as writer:
            for row in rows[at : at + shard["samples"]]:
                images = []
                for n, image in enumerate(row["images"]):
                    path = scratch / f"{n}.jpg"  # a picture from a file is written as the file's bytes
                    path.write_bytes(image.fp.getvalue())
                    images.append(Image.open(path))
                writer.write({**row, "images": images})
        at += shard["samples"]
        (theirs,) = json.loads((out / "index.json").read_text())["shards"]
        ours = (folder / shard["raw_data"]["basename"]).read_bytes()
        assert ours == (out / theirs["raw_data"]["basename"]).read_bytes()
        theirs["raw_data"]["basename"] = shard["raw_data"]["basename"]
        assert shard == theirs


def main(kind: str, folder: str, scratch: str):
    for row in {"hf": hf, "webdataset": webdataset, "mds": mds}[kind](Path(folder), Path(scratch)):
        sys.stdout.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
