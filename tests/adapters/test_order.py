"""Samples depend on what records say, not on the order, the files or the company in which they come."""

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from normalised import staged

from schemas.config import Storage
from schemas.source import packaged_sources

Value = dict[str, Any]
WORDS = st.text("abcé ?<&\"'", min_size=1, max_size=8).filter(str.strip)
TALK = st.builds(
    lambda asked, told, path: {
        "id": "1", "image": path,
        "conversations": [{"from": "human", "value": f"<image>\n{asked}"}, {"from": "gpt", "value": told}],
    },
    WORDS, WORDS, st.sampled_from(["a.jpg", "b/c.png"]),
)  # fmt: skip
FLAT = st.builds(
    lambda asked, told: {"image": "a.jpg", "question": asked, "answer": told, "question_id": 1},
    WORDS, WORDS.filter(lambda word: word.strip() not in ("nan", "None")),
)  # fmt: skip
BAD: list[Value] = [{"id": "x"}, {"id": "x", "image": 5, "question": [], "conversations": {}}]
FORMS = {"alfworld": TALK, "sketchyvqa": FLAT}


def outcome(source_id: str, files: list[list[Value]]) -> tuple[list[str], int, int]:
    """Sample ids, rejects and records of a source that ships these files."""
    with tempfile.TemporaryDirectory() as root:
        for at, rows in enumerate(files):
            path = Path(root) / source_id / f"{at}.json"
            path.parent.mkdir(exist_ok=True)
            path.write_text(json.dumps(rows))
        found = staged(packaged_sources()[source_id], Storage(sources_root=root))
    samples = sorted(row["sample"]["sample_id"] for row in found if row["sample"])
    rejects = sum(row["reject"] is not None for row in found)
    return samples, rejects, sum(row["span"]["records"] for row in found if row["span"])


def reversed_keys(value: Value) -> Value:
    return {key: [reversed_keys(one) for one in held] if isinstance(held, list) else held
            for key, held in reversed(value.items())}  # fmt: skip


@pytest.mark.parametrize("source_id", FORMS)
@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_order_files_and_keys_change_no_sample(source_id: str, data: st.DataObject):
    rows = data.draw(st.lists(FORMS[source_id], min_size=1, max_size=6))
    shuffled = [reversed_keys(row) for row in data.draw(st.permutations(rows))]
    cut = data.draw(st.integers(0, len(rows) - 1))
    samples, rejects, records = outcome(source_id, [rows])
    assert (len(samples) + rejects, records) == (len(rows), len(rows))
    assert outcome(source_id, [part for part in (shuffled[:cut], shuffled[cut:]) if part]) == (
        samples,
        rejects,
        records,
    )


@pytest.mark.parametrize("source_id", FORMS)
@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_a_bad_record_costs_itself_alone(source_id: str, data: st.DataObject):
    rows = data.draw(st.lists(FORMS[source_id], min_size=2, max_size=5))
    worse = [*rows]
    worse.insert(data.draw(st.integers(0, len(rows))), data.draw(st.sampled_from(BAD)))
    samples, rejects, records = outcome(source_id, [rows])
    assert outcome(source_id, [worse]) == (samples, rejects + 1, records + 1)
