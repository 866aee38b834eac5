"""A release as training files: LLaVA JSON arrays, YAML lists, the media beside them, and starting points to train."""

from jobs.export.contract import check_export
from jobs.export.run import ExportFacts, export

__all__ = ["ExportFacts", "check_export", "export"]
