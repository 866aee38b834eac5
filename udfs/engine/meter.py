"""Counts what a gateway does: calls, tokens, and how much of its window is busy."""

import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from udfs.request import Reply

_RECENT_S = 30.0


@dataclass(slots=True)
class Meter:
    """Totals since the start, rates over the last half minute."""

    window: int
    new: int = 0
    replayed: int = 0
    in_flight: int = 0
    tokens_in: int = 0
    tokens_cached: int = 0
    tokens_out: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    busy_s: float = 0.0
    """Slot-seconds in use."""
    _since: float | None = None
    _changed: float = 0.0
    _recent: deque[tuple[float, int, float]] = field(default_factory=deque)

    def change(self, by: int) -> None:
        """A slot of the window was taken or freed."""
        now = self._settle()
        self._since = now if self._since is None else self._since
        self.in_flight += by

    def _settle(self) -> float:
        now = time.monotonic()
        self.busy_s += self.in_flight * (now - self._changed)
        self._changed = now
        return now

    def paid(self, reply: Reply) -> None:
        """The engine answered a call."""
        self.new += 1
        self.tokens_in += reply.prompt_tokens or 0
        self.tokens_cached += reply.cached_tokens or 0
        self.tokens_out += reply.completion_tokens or 0
        self.statuses[reply.status] = self.statuses.get(reply.status, 0) + 1

    def tick(self) -> None:
        """Remembers this moment, so that rates can be taken between moments."""
        now = self._settle()
        self._recent.append((now, self.tokens_out, self.busy_s))
        while now - self._recent[0][0] > _RECENT_S:
            self._recent.popleft()

    def snapshot(self) -> dict[str, Any]:
        """For status files and the stats request."""
        now = self._settle()
        then, tokens, busy = self._recent[0] if self._recent else (now, self.tokens_out, self.busy_s)
        span = max(now - then, 1e-9)
        lived = max(now - self._since, 1e-9) if self._since is not None else 1.0
        return {
            "calls_new": self.new,
            "calls_replayed": self.replayed,
            "in_flight": self.in_flight,
            "tokens_in": self.tokens_in,
            "tokens_cached": self.tokens_cached,
            "tokens_out": self.tokens_out,
            "tokens_per_s": round((self.tokens_out - tokens) / span, 2) if now > then else 0.0,
            "busy_share": round(self.busy_s / (lived * self.window), 4),
            "busy_share_recent": round((self.busy_s - busy) / (span * self.window), 4) if now > then else 0.0,
            "statuses": dict(self.statuses),
        }
