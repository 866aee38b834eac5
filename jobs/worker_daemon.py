"""Spark's Python daemon with what row code imports: workers fork with it instead of importing it one by one.

For local sessions (`jobs.session`); Spark runs it as `python -m jobs.worker_daemon pyspark.worker`.
"""

import av  # noqa: F401
import pandas as pd  # noqa: F401
from pyspark.daemon import manager

from jobs import derive  # noqa: F401
from jobs.dedup import words  # noqa: F401
from jobs.normalise import read  # noqa: F401

if __name__ == "__main__":
    manager()  # type: ignore[no-untyped-call]
