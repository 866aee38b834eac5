"""A release as training files: LLaVA's JSON arrays and media, or self-contained shards for other loaders."""

from jobs.export.folder import ExportFacts
from jobs.export.run import check_export, export

__all__ = ["ExportFacts", "check_export", "export"]
