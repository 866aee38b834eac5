"""Questions to Spark that are asked at once: one after the other they would wait more than they work."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from pyspark.sql import SparkSession

from jobs.session import cancel_jobs

T = TypeVar("T")
AT_ONCE = 4
CANCEL_S = 0.5


def ask_together(spark: SparkSession, questions: Mapping[str, Callable[[], T]]) -> dict[str, T]:
    """The answers by name; the first error is raised, and Ctrl-C ends what still runs."""
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="ask") as pool:
        asked = {name: pool.submit(question) for name, question in questions.items()}
        try:
            return {name: future.result() for name, future in asked.items()}
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            # Again and again: what was only being planned starts its job after the first time.
            while wait(asked.values(), timeout=CANCEL_S).not_done:
                cancel_jobs(spark)
            raise
