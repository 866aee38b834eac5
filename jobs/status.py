"""What the engine hosts of a run say about themselves, from the status files below ROOT."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from schemas.errors import InputError
from udfs import files
from udfs.engine.settings import EngineSettings

STALE_S = 20.0
"""A host that has not written for so long is gone."""


@dataclass(frozen=True)
class HostStats:
    """Sums over the hosts of one engine."""

    new: int = 0
    replayed: int = 0
    in_flight: int = 0
    queued: int = 0
    tokens_out: int = 0
    tokens_per_s: float = 0.0
    busy_share: float = 0.0
    phase: str = ""

    @property
    def answered(self) -> int:
        """Calls answered, paid for or not."""
        return self.new + self.replayed

    def note(self) -> str:
        """A few words for the progress line."""
        if not self.phase:
            return "waiting for the engine"
        if self.phase != "ready":
            return f"engine {self.phase}"
        return f"calls, {self.in_flight} in flight, {self.tokens_per_s:.0f} tokens/s, window {self.busy_share:.0%} busy"


def read_all(root: str) -> list[Mapping[str, Any]]:
    """Every status file, newest content; a file that is being replaced is skipped."""
    found: list[Mapping[str, Any]] = []
    try:
        names = files.find(f"{root}/status", ("*.json",))
    except InputError:
        return []
    for name in names:
        try:
            found.append(msgspec.json.decode(files.read_bytes(files.join(root, "status", name)), type=dict[str, Any]))
        except (OSError, InputError, msgspec.MsgspecError):
            continue
    return found


def read_status(root: str, settings: EngineSettings) -> HostStats:
    """Sums over the live hosts that serve this engine."""
    wanted = (settings.engine.model, settings.revision, settings.engine.kind.value)
    recent = [status for status in read_all(root) if time.time() - float(status.get("at") or 0) < STALE_S]
    mine = [status for status in recent if tuple(status.get(key) for key in ("model", "revision", "kind")) == wanted]
    if not mine:
        return HostStats()

    def total(key: str) -> float:
        return sum(float(status.get(key) or 0) for status in mine)

    return HostStats(
        new=int(total("calls_new")),
        replayed=int(total("calls_replayed")),
        in_flight=int(total("in_flight")),
        queued=int(total("queued")),
        tokens_out=int(total("tokens_out")),
        tokens_per_s=total("tokens_per_s"),
        busy_share=total("busy_share") / len(mine),
        phase=str(mine[0].get("phase", "")),
    )
