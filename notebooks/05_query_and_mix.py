# Databricks notebook source
# MAGIC %md
# MAGIC # Query and mix a release
# MAGIC
# MAGIC What the newest release holds, and what another threshold or another mix would publish. All of it is arithmetic on
# MAGIC stored verdicts: nothing is asked and nothing is written.

# COMMAND ----------

# MAGIC %md
# MAGIC On Databricks the project's requirements come from the cluster's libraries (docs/notebooks/README.md) or from here.
# MAGIC Restart Python afterwards if Databricks asks for it.

# COMMAND ----------

# MAGIC %pip install --quiet -r ../requirements/databricks.txt

# COMMAND ----------

from jobs.tables import Tables
from jobs.views import register_views
from schemas.config import Profile, load_config

dbutils.widgets.text("root", ".demo", "Root of the run")
dbutils.widgets.text("catalog", "", "catalog.schema of the tables; empty: below root")
storage = [f"storage.root={dbutils.widgets.get('root')}", f"storage.catalog={dbutils.widgets.get('catalog')}"]
config = load_config(Profile.LAPTOP, None, storage)
tables = Tables(spark, config.storage)
register_views(tables)

# COMMAND ----------

# MAGIC %md
# MAGIC ## The newest release
# MAGIC `release_rows` is one of the packaged views (docs/sql.md): a flat row per published row.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT category, count(*) AS rows, round(count(*) / sum(count(*)) OVER (), 3) AS share,
# MAGIC        count_if(kind = 'rewritten') AS rewritten, count_if(split = 'si') AS si,
# MAGIC        round(avg(p_yes), 3) AS p_yes, round(avg(size(split(response, ' '))), 1) AS words
# MAGIC FROM release_rows GROUP BY category ORDER BY rows DESC

# COMMAND ----------

# MAGIC %md
# MAGIC ## Under which terms
# MAGIC Every row carries those of its source.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT licence, commercial, redistribution, count(*) AS rows, count(DISTINCT source_id) AS sources
# MAGIC FROM release_rows GROUP BY ALL ORDER BY rows DESC

# COMMAND ----------

# MAGIC %md
# MAGIC ## What other thresholds would accept
# MAGIC P(yes) is stored, the threshold is not: it is applied when publishing. One query shows all of them.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT threshold, count(*) AS judged, count_if(p_yes >= threshold) AS accepted,
# MAGIC        round(count_if(p_yes >= threshold) / count(*), 3) AS share
# MAGIC FROM before_after CROSS JOIN (SELECT id / 10 AS threshold FROM range(1, 10))
# MAGIC WHERE verdict IS NOT NULL GROUP BY threshold ORDER BY threshold

# COMMAND ----------

# MAGIC %md
# MAGIC ## What another threshold would publish
# MAGIC Acceptance is not all: checks must hold, and rewrites and originals of a source stand in a ratio (70:30 unless set
# MAGIC otherwise), so that a missing original costs rewrites too. These are the functions that publishing itself calls.

# COMMAND ----------

from jobs.candidates import candidates, count, the_judge
from jobs.mix import mix


def what_if(*settings):
    """Rows that a release with these settings would hold."""
    changed = load_config(Profile.LAPTOP, None, [*storage, *settings])
    intake = count(candidates(tables, changed, the_judge(tables, changed, None)))
    chosen = mix(intake.strata, changed.publishing, changed.rewriting.groups)
    kinds = {kind: sum(n for key, n in chosen.quotas.items() if key[1] == kind) for kind in ("rewritten", "original")}
    refused = intake.reasons["rewritten"].get("below_threshold", 0)
    return {
        "settings": " ".join(settings) or "as they are", "refused by the judge": refused,
        "accepted": intake.reasons["rewritten"].get("accepted", 0), **kinds, "rows": sum(kinds.values()),
    }


shown = ("settings", "refused by the judge", "accepted", "rewritten", "original", "rows")
variants = [
    (),
    ("publishing.threshold={kind: absolute, value: 0.5}",),
    ("publishing.threshold={kind: top_share, value: 0.5}",),
]
display(spark.createDataFrame([what_if(*settings) for settings in variants]).select(*shown))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Another mix
# MAGIC Half and half instead of 70:30, no more than five rows of a source, or charts as half of a hundred rows. What a source
# MAGIC cannot give is told, never padded.

# COMMAND ----------

mixes = [
    ("publishing.rewritten_share=0.5",),
    ("publishing.max_per_source=5",),
    ("publishing.total_rows=100", "publishing.category_shares={Chart: 0.5}"),
]
display(spark.createDataFrame([what_if(*settings) for settings in mixes]).select(*shown))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Publish it
# MAGIC `mammoth-vl --root ROOT --set publishing.rewritten_share=0.5 publish` makes a new release of it, if the gate passes.
# MAGIC `release diff` then lists what it adds and drops, `release rollback` puts the old one back.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT release_id, `rows`, content_hash, restored_from, at FROM releases ORDER BY release_id

# COMMAND ----------

# MAGIC %md
# MAGIC ## Next
# MAGIC - Twenty questions with their SQL: docs/sql.md.
# MAGIC - 06: the same on your own GPUs.
