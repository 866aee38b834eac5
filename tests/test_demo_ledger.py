"""The shipped ledger is what a demo with a real engine asks now."""

from typing import Any

import pytest
from deltalake import DeltaTable
from engines import Demo

from jobs.demo_ledger import RECORD, Entry, read_ledger

Calls = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def fresh(demo: Demo) -> Calls:
    """Calls of the session's demo with a real engine, by key; later runs on its tables ask other things."""
    assert demo.first.code == 0, demo.first.err[-3000:]
    names = ["run_id", *(name for name in Entry.model_fields if name != "label_probs")]
    rows = DeltaTable(demo.root / "tables" / "calls").to_pyarrow_table(columns=names).to_pylist()
    first = min(row["run_id"] for row in rows)
    return {row["call_key"]: row for row in rows if row["status"] in ("ok", "length") and row["run_id"] == first}


def asked(calls: Calls, purpose: str) -> dict[str, tuple[str, str]]:
    """What was sent, by key: prompt version and hash of the request."""
    return {
        key: (row["prompt_version"], row["request_hash"]) for key, row in calls.items() if row["purpose"] == purpose
    }


@pytest.mark.engine
@pytest.mark.timeout(1800)
def test_the_shipped_ledger_is_what_a_demo_asks_now(fresh: Calls):
    shipped = {entry.call_key: entry.model_dump() for entry in read_ledger().entries}
    told = f"prompts, rendering or corpus changed: {RECORD}"
    assert asked(fresh, "rewrite") == asked(shipped, "rewrite"), told
    # Engines repeat themselves up to rounding: what follows a reply is compared where the reply is the same.
    rewrites = list(asked(shipped, "rewrite"))
    equal = [key for key in rewrites if fresh[key]["reply"] == shipped[key]["reply"]]
    print(f"\nrewrites equal to the letter: {len(equal)} of {len(rewrites)}")  # noqa: T201 - the figure is the point
    other = {shipped[key]["sample_id"] for key in rewrites} - {shipped[key]["sample_id"] for key in equal}
    for purpose in ("judge", "score"):
        mine, theirs = (
            {key: sent for key, sent in asked(calls, purpose).items() if calls[key]["sample_id"] not in other}
            for calls in (fresh, shipped)
        )
        assert mine == theirs, told
