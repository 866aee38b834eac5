# Databricks notebook source
# MAGIC %md
# MAGIC # Inspect a source: from files to samples
# MAGIC
# MAGIC What a dataset's files hold, how they are read, which sample each record becomes, and what was rejected and why.
# MAGIC Nothing is changed and no engine is needed. The defaults look at the demo's corpus (`make demo`); for your own data
# MAGIC set `sources_root`, and `catalogue` to the folder of your YAML file.

# COMMAND ----------

# MAGIC %md
# MAGIC On Databricks the project's requirements come from the cluster's libraries (docs/notebooks/README.md) or from here.
# MAGIC Restart Python afterwards if Databricks asks for it.

# COMMAND ----------

# MAGIC %pip install --quiet -r ../requirements/databricks.txt

# COMMAND ----------

import json
from pathlib import Path

from jobs.corpus import catalogue_folder
from jobs.tables import Tables
from schemas.config import Profile, load_config
from schemas.source import load_sources, pick_sources

dbutils.widgets.text("root", ".demo", "Root of the run")
dbutils.widgets.text("catalog", "", "catalog.schema of the tables; empty: below root")
dbutils.widgets.text("sources_root", "", "Folder of source files; empty: ROOT/sources")
dbutils.widgets.text("catalogue", "", "Folder of your own catalogue; empty: the demo's")
dbutils.widgets.text("source", "demo_charts", "Source")

root = dbutils.widgets.get("root")
sources_root = dbutils.widgets.get("sources_root") or f"{root}/sources"
catalogue = Path(dbutils.widgets.get("catalogue") or catalogue_folder())
settings = [f"storage.root={root}", f"storage.sources_root={sources_root}"]
config = load_config(Profile.LAPTOP, None, [*settings, f"storage.catalog={dbutils.widgets.get('catalog')}"])
tables = Tables(spark, config.storage)
source = pick_sources(load_sources(catalogue), [dbutils.widgets.get("source")])[0]

# COMMAND ----------

# MAGIC %md
# MAGIC ## What the catalogue says
# MAGIC One YAML file per source. Most name little more than a group, a category and where the files lie.

# COMMAND ----------

known = source.model_dump(mode="json", exclude_defaults=True)
display(spark.createDataFrame([(key, json.dumps(value)) for key, value in known.items()], "key string, value string"))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Its files, and how they read
# MAGIC The first records of every file are looked at, and the family whose keys fit is taken; the catalogue breaks ties.

# COMMAND ----------

from jobs.normalise.plan import plan_sources

plan = plan_sources([source], config.storage)
read = [(item.range.file, item.family, str(item.range.container), item.size) for item in plan.items]
unread = [(file, "no family reads it", "", None) for file in plan.unread[source.source_id]]
display(spark.createDataFrame(read + unread, "file string, family string, container string, bytes bigint"))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Records beside what they become
# MAGIC The same code that the stage runs in its workers, here on five records by hash. A record becomes one sample or one
# MAGIC reject, never nothing.

# COMMAND ----------

from jobs.example import shown
from jobs.look import look

beside = []
for seen in look(source, plan, config, 5):
    record = json.dumps(shown(seen.record.value), ensure_ascii=False)[:600]
    turns = seen.sample["conversation"] if seen.sample else []
    sample = "\n".join(f"[{turn['role']}] {turn['text']}" for turn in turns)
    reject = f"{seen.reject['drop_reason']}: {seen.reject['detail']}" if seen.reject else None
    beside.append((seen.record.origin.position, record, sample, seen.sample and seen.sample["gold_answer"], reject))
display(spark.createDataFrame(beside, "position int, record string, sample string, gold_answer string, reject string"))

# COMMAND ----------

# MAGIC %md
# MAGIC ## As people see them
# MAGIC Samples with their pictures, as the run stored them.

# COMMAND ----------

from jobs.report.show import rows_html

displayHTML(rows_html(tables, config, f"kind = 'original' AND source_id = '{source.source_id}'", limit=2))

# COMMAND ----------

# MAGIC %md
# MAGIC ## What was rejected, and what to do about it

# COMMAND ----------

from jobs.advice import advise

tables.read("rejects").where(f"source_id = '{source.source_id}'").createOrReplaceTempView("rejects")
rejects = spark.sql("""
    SELECT drop_reason, count(*) AS records, min(detail) AS example, min(origin.file) AS file,
           min(origin.position) AS position, min_by(excerpt, origin.position) AS it_begins
    FROM rejects GROUP BY drop_reason ORDER BY records DESC
""")
display(rejects)

folder = plan.folders[source.source_id]
advice = [(row.drop_reason, advise(row.drop_reason, source, config.storage, folder)) for row in rejects.collect()]
display(spark.createDataFrame(advice, "drop_reason string, what_to_do string"))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Nothing got lost
# MAGIC Records = samples + rejects, duplicates being rejects that name their twin. The stage asserts it before it writes.

# COMMAND ----------

tables.read("runs").where(f"source_id = '{source.source_id}'").createOrReplaceTempView("runs")
display(spark.sql("""
    SELECT run_id, files, ranges, records, units, rows_out AS samples, rejected, duplicates,
           records = rows_out + rejected AS adds_up
    FROM runs WHERE stage = 'normalise' ORDER BY ended
"""))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Next
# MAGIC - All sources at once: `mammoth-vl sources check --all`; a folder that nobody declared: `mammoth-vl sources screen DIR`.
# MAGIC - A field that no guess finds is one line of YAML: CONTRIBUTING.md, "Add a dataset in ten minutes".
# MAGIC - Then 03: try a prompt on twenty of these samples.
