"""`sources screen`: a folder that nobody has declared, recognised, measured and put into a group."""

from jobs.screen.find import Found, find_source
from jobs.screen.measure import Measured, measure
from jobs.screen.suggest import Finding, suggest

__all__ = ["Finding", "Found", "Measured", "find_source", "measure", "suggest"]
