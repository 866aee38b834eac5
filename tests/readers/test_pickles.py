"""Pickles are data or refused; nothing that they ask for happens."""

import os
import pickle
import socket
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from jobs.readers import layouts, plan_ranges, read
from schemas.enums import DropReason
from schemas.errors import InputError
from udfs.adapters.family import Container
from udfs.sample import Record


def records(path: Path, data: bytes) -> list[Record]:
    path.write_bytes(data)
    (layout,) = layouts(str(path))
    assert layout.container is Container.PICKLE
    found = [r for part in plan_ranges(str(path), path.name, layout, 1) for r in read(str(path.parent), part)]
    assert layout.first in ([dict(one.value) for one in found if one.problem is None] or [None])
    return found


@pytest.mark.parametrize("protocol", [2, 5])
def test_values_are_json(tmp_path: Path, protocol: int):
    value = {
        "tuple": (1, 2.5, None, True), "array": np.arange(3), "number": np.float32(0.5), "bytes": b"caf\xe9",
        "ordered": OrderedDict(a=1), "default": defaultdict(list, b=[2]), "gap": float("nan"), "huge": 1 << 80,
        "objects": np.array([{"c": 3}], object), 7: "seven",
    }  # fmt: skip
    (record,) = records(tmp_path / "a.p", pickle.dumps([value], protocol))
    assert record.value == {
        "tuple": [1, 2.5, None, True], "array": [0, 1, 2], "number": 0.5, "bytes": "caf\xe9", "ordered": {"a": 1},
        "default": {"b": [2]}, "gap": None, "huge": str(1 << 80), "objects": [{"c": 3}], "7": "seven",
    }  # fmt: skip


def test_python_2_wrote_bytes_for_text(tmp_path: Path):
    data = b"(lp0\n(dp1\nS'sent'\np2\nS'caf\\xe9'\np3\nsS'ref_id'\np4\nI5\nsa."
    (record,) = records(tmp_path / "refs(unc).p", data)
    assert record.value == {"sent": "caf\xe9", "ref_id": 5}


def test_keyed_objects_and_what_is_no_object(tmp_path: Path):
    keyed, number = records(tmp_path / "a.pkl", pickle.dumps({"k": {"a": 1}, "l": {"a": 2}}))
    assert (keyed.value, number.value) == ({"a": 1, "_key": "k"}, {"a": 2, "_key": "l"})
    good, bad = records(tmp_path / "b.pkl", pickle.dumps([{"a": 1}, 5]))
    assert good.problem is None
    assert bad.problem
    assert bad.problem.reason is DropReason.WRONG_SHAPE
    assert (bad.origin.file, bad.origin.position) == ("b.pkl", 1)


class Call:
    """Pickles to a call of a function."""

    def __init__(self, function: Callable[..., object], *arguments: object) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[object, ...]:
        return self.call


HOSTILE: dict[str, Callable[[Path], tuple[object, str]]] = {
    "shell": lambda canary: (Call(os.system, f"touch {canary}"), r"\w+\.system"),
    "eval": lambda canary: (Call(eval, f"open({str(canary)!r}, 'w')"), r"builtins\.eval"),
    "socket": lambda _: (Call(socket.socket), r"socket\.socket"),
    "class": lambda canary: (canary, r"pathlib[\w.]*\.PosixPath"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_pickle_is_refused_by_name_and_does_nothing(tmp_path: Path, name: str):
    canary = tmp_path / "canary"
    held, asked = HOSTILE[name](canary)
    with pytest.raises(InputError, match=rf"bad\.p is refused: the pickle asks for {asked};") as caught:
        records(tmp_path / "bad.p", pickle.dumps([{"a": 1}, held]))
    assert "convert it to JSON" in caught.value.next_step
    assert not canary.exists()


def test_a_pickle_that_wants_all_memory_or_ends_early_is_damaged(tmp_path: Path):
    with pytest.raises(InputError, match=r"not readable as a pickle: needs more than 4 GiB"):
        records(tmp_path / "big.p", pickle.dumps([Call(bytearray, 1 << 40)]))
    with pytest.raises(InputError, match=r"cut\.p is not readable as a pickle: \w+: "):
        records(tmp_path / "cut.p", pickle.dumps([{"a": 1}])[:-4])
    looped: list[object] = []
    looped.append({"a": looped})
    with pytest.raises(InputError, match="nested deeper than"):
        records(tmp_path / "loop.p", pickle.dumps(looped))


def doubled(times: int, held: object) -> object:
    for _ in range(times):
        held = [held, held]
    return held


SHARED = {
    "lists": {"a": doubled(40, [])},
    "text": {"a": ["x" * 100_000] * 1000},
    "keys": {"a": [{"x" * 100_000: 1}] * 1000},
    "arrays": {"a": [np.zeros(4096)] * 100},
    "escaped": {"a": "\0" * 20_000_000},
}


@pytest.mark.parametrize("name", SHARED)
def test_a_record_that_shares_its_parts_counts_them_wherever_they_stand(tmp_path: Path, name: str):
    before = time.monotonic()
    large, good = records(tmp_path / "a.p", pickle.dumps([SHARED[name], {"a": 1}]))
    assert (large.problem and large.problem.reason, good.value) == (DropReason.RECORD_TOO_LARGE, {"a": 1})
    assert time.monotonic() - before < 20


def test_parts_that_many_records_share_are_theirs(tmp_path: Path):
    found = records(tmp_path / "a.p", pickle.dumps([{"a": doubled(10, [])}] * 150))
    assert [record.problem for record in found] == [None] * 150


def test_a_line_without_end_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("jobs.readers.pickles.LARGEST", 100)
    with pytest.raises(InputError, match="answers more than 100 bytes at once"):
        records(tmp_path / "a.p", pickle.dumps([{"a": "x" * 200}]))
