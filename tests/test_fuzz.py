"""Damaged source files, through the whole pass: no crash, no hang, and every reject has a reason.

A few hundred damages by default; `FUZZ=100000 pytest tests/test_fuzz.py` for as many as you like, `FUZZ_SEED` for
others. Seeds are publishers' files where these are at hand, else the project's own.
"""

import copy
import json
import os
import random
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from normalised import Row, staged
from PIL import Image

from schemas.config import Media, Storage
from schemas.enums import DropReason, Verified
from schemas.errors import Drop, InputError
from schemas.source import Source, load_sources
from udfs.media.pictures import standardise

SAMPLES = Path(os.environ.get("MAMMOTH_REAL_SAMPLES", Path(__file__).parents[1] / "../shared/real_samples"))
TIMES = int(os.environ.get("FUZZ", "400"))
SEED = int(os.environ.get("FUZZ_SEED", "7"))
LONGEST_S = 2.0
"""CPU seconds: the clock on the wall also counts what else the machine does."""
TEXT = frozenset({".json", ".jsonl", ".csv", ".tsv", ".txt", ".xml"})
KEPT = 3
"""Records that are left of a list, so that one damage takes milliseconds."""
INSERTS = (
    b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\n", b"\r\n", b"\t", b"\0", b"\xff", b"\xef\xbb\xbf", b"null",
    b"NaN", b"1e999", b"9" * 400, b'"\\ud800"', b"<image>", b"<|im_end|>", b"[" * 300, b'{"a":' * 300, b"x" * 70000,
)  # fmt: skip
ODD: tuple[Any, ...] = (
    None, True, -1, 0, 10**30, 1e308, "", " ", "None", "nan", "\ud800", "\0", "<image>", "<image>" * 50, "<video>",
    "../../etc/passwd", "http://169.254.169.254/x.jpg", "x" * 5000, [], {}, [[]], [None], {"from": "gpt"}, [{"a": []}],
    "2 <|image_3|> {image#9}", ["<image>", 7], "\u202e", "data:image/png;base64,AAAA", "A" * 64,
)  # fmt: skip
OWN = {
    "llava_json": [{"id": "1", "image": "a.jpg", "conversations": [
        {"from": "human", "value": "<image>\nWhat?"}, {"from": "gpt", "value": "A cat."}]}] * KEPT,
    "flat_qa_json": [{"question_id": 1, "image": "a.jpg", "question": "What?", "answer": "A cat."}] * KEPT,
}  # fmt: skip

pytestmark = pytest.mark.timeout(24 * 3600 if TIMES > 10_000 else 600)


def cut(node: object, depth: int = 0) -> object:
    if isinstance(node, list):
        return [cut(item, depth + 1) for item in (node[:KEPT] if depth < 3 else node[:12])]
    if isinstance(node, dict):
        keys = list(node)[: KEPT if len(node) > 60 else None]
        return {key: cut(node[key], depth + 1) for key in keys}
    return node


def shorten(path: Path) -> None:
    """Cuts an annotation file to its first records."""
    try:
        path.write_text(json.dumps(cut(json.loads(path.read_text()))))
    except ValueError:
        lines = path.read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[: KEPT + 1]))


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Source, Path]]:
    """Sources with short copies of their files."""
    catalogue, found = load_sources(), []
    root = tmp_path_factory.mktemp("seeds")
    for folder in sorted(SAMPLES.iterdir()) if SAMPLES.is_dir() else ():
        if folder.name in catalogue:
            shutil.copytree(folder, root / folder.name, ignore=shutil.ignore_patterns("provenance.json"))
            found.append((catalogue[folder.name], root / folder.name))
    for family, records in OWN.items():
        source = next(s for s in catalogue.values() if s.family == family and s.runnable).model_copy(
            update={"source_id": f"own_{family}", "collection": "", "verified": Verified.INFERRED}
        )
        folder = root / source.source_id
        folder.mkdir()
        (folder / "train.json").write_text(json.dumps(records))
        (folder / "train.jsonl").write_text("\n".join(map(json.dumps, records)))
        found.append((source, folder))
    for _, folder in found:
        for path in annotations(folder):
            shorten(path)
    return found


def annotations(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.suffix in TEXT]


def damage_bytes(content: bytes, dice: random.Random) -> bytes:
    for _ in range(dice.randint(1, 4)):
        at, length = dice.randrange(len(content) + 1), dice.choice((0, 0, 1, 2, 9, 200))
        sort = dice.randrange(4)
        if sort == 0:
            content = content[:at] + dice.choice(INSERTS) + content[at + length :]
        elif sort == 1:
            content = content[:at] + content[at : at + length] * 2 + content[at + length :]
        elif sort == 2 and at < len(content):
            content = content[:at] + bytes([content[at] ^ (1 << dice.randrange(8))]) + content[at + 1 :]
        else:
            content = content[:at] + content[at + length :]
    return content[: dice.randrange(len(content) + 1)] if dice.random() < 0.05 else content


def damage_value(tree: object, dice: random.Random) -> object:
    tree = copy.deepcopy(tree)
    for _ in range(dice.randint(1, 3)):
        node, key = pick(tree, dice)
        if node is None:
            return copy.deepcopy(dice.choice(ODD))
        sort = dice.randrange(4)
        if sort == 0 and isinstance(node, dict):
            del node[key]
        elif sort == 1 and isinstance(node, dict):
            node[dice.choice(("x", "image", "question", "answer", "conversations", "id"))] = node.pop(key)
        elif sort == 2 and isinstance(node[key], str):
            node[key] += dice.choice(("<image>", "\n<video>", "\ud800", "\0", " " * 300, "</s>", "[INST]"))
        else:
            node[key] = copy.deepcopy(dice.choice(ODD))
    return tree


def pick(tree: object, dice: random.Random) -> tuple[Any, Any]:
    """A random node below the top, with the key by which its parent holds it."""
    parent: tuple[Any, Any] = (None, None)
    while isinstance(tree, dict | list) and tree and (parent[0] is None or dice.random() < 0.8):
        key = dice.choice(list(tree)) if isinstance(tree, dict) else dice.randrange(len(tree))
        parent, tree = (tree, key), tree[key]
    return parent


def damage(path: Path, dice: random.Random) -> None:
    content = path.read_bytes()
    if dice.random() < 0.5:
        try:
            tree = json.loads(content)
        except ValueError:
            pass
        else:
            path.write_text(json.dumps(damage_value(tree, dice)))
            return
    path.write_bytes(damage_bytes(content, dice))


def check(found: list[Row]) -> None:
    """Conservation, and reasons."""
    read = sum(row["span"]["records"] for row in found if row["span"])
    made = [row for row in found if row["sample"] or row["reject"]]
    assert len(made) == read
    for row in made:
        if row["reject"]:
            assert row["reject"]["drop_reason"] in set(DropReason)
            assert row["reject"]["detail"]
        else:
            turns = row["sample"]["conversation"]
            assert turns[-1]["role"] == "assistant"
            assert all(turn["text"].strip() for turn in turns)


def in_time(work: Callable[[], None], case: object) -> None:
    started = time.process_time()
    try:
        work()
    except Exception as error:
        raise AssertionError(f"{case} crashed: {error!r}") from error
    assert time.process_time() - started < LONGEST_S, f"{case} took {time.process_time() - started:.1f} s"


def run(source: Source, folder: Path) -> None:
    found, next_step = [], "none"
    try:
        found = staged(source, Storage(sources_root=str(folder.parent)))
    except InputError as error:
        next_step = error.next_step
    assert next_step
    check(found)


def test_damaged_files(seeds: list[tuple[Source, Path]], tmp_path: Path):
    dice = random.Random(SEED)
    for source, folder in seeds:
        run(source, folder)  # imports and models are loaded, and the seed itself is sound
    for number in range(TIMES):
        source, folder = dice.choice(seeds)
        place = tmp_path / f"{number}" / folder.name
        shutil.copytree(folder, place, ignore=shutil.ignore_patterns("*.jpg", "*.png", "*.bmp"))
        path = dice.choice(annotations(place))
        damage(path, dice)
        in_time(lambda source=source, place=place: run(source, place), (SEED, number, source.source_id, path.name))
        shutil.rmtree(place.parent)


def test_damaged_pictures(tmp_path: Path):
    dice = random.Random(SEED)
    limits = Media()
    Image.effect_noise((300, 260), 40).convert("RGB").save(tmp_path / "own.jpg")
    Image.linear_gradient("L").save(tmp_path / "own.png")
    Image.linear_gradient("L").convert("P").save(tmp_path / "own.gif")
    real = sorted(SAMPLES.rglob("*.jpg"))[:6] + sorted(SAMPLES.rglob("*.bmp"))[:2] if SAMPLES.is_dir() else []
    pictures = [path.read_bytes() for path in [*tmp_path.glob("own.*"), *real]]

    def read(content: bytes) -> None:
        try:
            said = len(standardise(content, limits).parts) * "part"
        except Drop as drop:
            said = drop.detail
        assert said

    for number in range(TIMES // 10):
        content = damage_bytes(dice.choice(pictures), dice)
        in_time(lambda content=content: read(content), (SEED, number, content[:8]))
