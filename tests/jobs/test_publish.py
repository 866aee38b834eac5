"""Publishing: who gets in, in which proportion, and what readers see when something fails."""

import json

from jobs.publish import publish
from jobs.release import read_release
from jobs.tables import Tables


def test_publishes(tables: Tables, configure):
    import time

    for n in range(2):
        t = time.time()
        release = publish(tables, configure(), "run")
        print(release, time.time() - t)
    read_release(tables, 1).groupBy("source_id", "kind", "split").count().show()
    print(tables.read("runs").select("facts").collect())
    tables.read("gates").selectExpr("success", "inline(expectations)").show(100, False)
