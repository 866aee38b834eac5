"""Containers to records: what a file is, how it is cut into ranges, and what a range holds."""

from jobs.readers.dispatch import read
from jobs.readers.planning import plan_ranges
from jobs.readers.probe import layouts, single
from jobs.readers.ranges import Range, from_text, to_text

__all__ = ["Range", "from_text", "layouts", "plan_ranges", "read", "single", "to_text"]
