"""Tar shards of WebDataset: `<id>.json` and `<id>.<n>.jpg` or `.png`, one group of members per example."""

import io
import json
import tarfile
from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import BinaryIO

from jobs.export.examples import FACTS, Example, Picture
from jobs.export.shards import Shape


def _write(stream: BinaryIO, found: Iterable[Example]) -> None:
    # The library's own writer adds only a user's name to what the standard library does, and needs a package on
    # every executor. No time is stamped, so that the same rows give the same bytes.
    with tarfile.open(fileobj=stream, mode="w|", format=tarfile.USTAR_FORMAT) as shard:
        for example in found:
            names = [f"{n}.{picture.ending}" for n, picture in enumerate(example.pictures)]
            told = {**example.facts, "messages": example.messages, "images": names, "media": example.media}
            _add(shard, f"{example.facts['id']}.json", json.dumps(told, ensure_ascii=False).encode())
            for name, picture in zip(names, example.pictures, strict=True):
                _add(shard, f"{example.facts['id']}.{name}", picture.data)


def _add(shard: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    shard.addfile(member, io.BytesIO(data))


def _read(stream: BinaryIO) -> Iterator[Example]:
    with tarfile.open(fileobj=stream, mode="r|") as shard:
        members = ((member.name, shard.extractfile(member)) for member in shard)
        for name, opened in members:
            told = json.loads(opened.read()) if opened else {}
            if name != f"{told.get('id')}.json":
                raise ValueError(f"{name} stands where the JSON of an example should")
            pictures = []
            for medium, wanted in zip(told["media"], told["images"], strict=True):
                found, picture = next(members)
                if found != f"{told['id']}.{wanted}" or picture is None:
                    raise ValueError(f"{found} stands where {wanted} of {told['id']} should")
                data = picture.read()
                pictures.append(Picture(medium, wanted.rpartition(".")[2], data, sha256(data).hexdigest()))
            yield Example({fact: told[fact] for fact in FACTS}, told["messages"], pictures)


SHAPE = Shape("tar", _write, _read)
