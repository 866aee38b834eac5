"""Shared picture folders: no hub serves them as files, so the plan says once where their publishers do."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from jobs.fetch.plan import Line, State
from schemas.config import Storage
from schemas.source import Source
from udfs import files

PUBLISHERS: Mapping[str, tuple[str, str]] = {
    "coco": ("train2014.zip, val2014.zip, train2017.zip, val2017.zip", "cocodataset.org; each unpacks to its folder"),
    "gqa": ("images.zip", "Stanford's GQA page; unpack to images/"),
    "vg": ("images.zip, images2.zip", "visualgenome.org; unpack to VG_100K/ and VG_100K_2/"),
    "textvqa": ("train_val_images.zip", "textvqa.org; unpack to train_images/"),
    "ocr_vqa": ("images/", "the download script beside dataset.json; covers come from a shop and may be gone"),
}
"""Files by root, and who has them."""


def root_lines(sources: Sequence[Source], storage: Storage) -> list[Line]:
    """One line for each media root that is not there, however many sources need it."""
    needing = defaultdict(list)
    for source in sources:
        if source.reading and source.reading.media_root:
            needing[source.reading.media_root].append(source.source_id)
    return [_line(name, found, storage) for name, found in sorted(needing.items()) if not _is_there(name, storage)]


def _is_there(name: str, storage: Storage) -> bool:
    return name in storage.media_roots and files.exists(storage.media_roots[name])


def _line(name: str, sources: Sequence[str], storage: Storage) -> Line:
    names, publisher = PUBLISHERS.get(name, ("", "see `mammoth-vl sources show`"))
    set_to = storage.media_roots.get(name) or str(Path(files.local_path(storage.sources_root) or "") / name)
    note = f"{publisher}; then --set storage.media_roots.{name}={set_to}; pictures of {', '.join(sources)}"
    return Line(f"media root {name}", State.BY_HAND, None, names, set_to, "each picture's own", note=note)
