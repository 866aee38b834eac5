# Databricks notebook source
# MAGIC %md
# MAGIC # Run on your GPUs
# MAGIC
# MAGIC From a checked cluster to a pilot of a hundred records per source. What needs GPUs stands behind the widget `gpus`,
# MAGIC which is `off`: those cells were written for Databricks and were not run by the project, which has neither a workspace
# MAGIC nor GPUs. Everything else here is executed by its tests, on one machine.

# COMMAND ----------

# MAGIC %md
# MAGIC ## The cluster
# MAGIC `databricks.yml` makes jobs with these clusters; by hand, a cluster for `rewrite` and `judge` is:
# MAGIC
# MAGIC - a runtime with Spark 4.1 and GPU drivers, access mode *Dedicated*, workers with as many GPUs as one engine takes
# MAGIC   (`gpus_per_engine` below) or a multiple of it;
# MAGIC - libraries: `requirements/databricks.txt` (Spark and Delta are the runtime's own);
# MAGIC - init script: `deploy/databricks-init.sh`, which lays the engine's environment on each GPU node; set
# MAGIC   `engines.main.python` to the interpreter that it names;
# MAGIC - Spark settings: those that the table below misses, and `spark.task.resource.gpu.amount` of `gpus_per_engine` divided
# MAGIC   by the tasks that shall share one engine (0.5 with four GPUs an engine lets eight tasks share it).
# MAGIC
# MAGIC `normalise`, `dedup`, `publish` and `export` need no GPU.

# COMMAND ----------

# MAGIC %pip install --quiet -r ../requirements/databricks.txt

# COMMAND ----------

import shlex
from pathlib import Path

from jobs.run import Options
from jobs.tables import Tables
from schemas.config import Profile, load_config
from schemas.source import load_sources

dbutils.widgets.text("root", ".demo", "Root of the run")
dbutils.widgets.text("catalog", "", "catalog.schema of the tables; empty: below root")
dbutils.widgets.text("settings", "engine.path=.demo/models/smollm2-135m", "Settings, as --set takes them")
dbutils.widgets.text("config", "", "YAML file over the profile, or empty")
dbutils.widgets.text("gpus", "off", "on: there are GPUs, run the pilot")
dbutils.widgets.text("rows", "10000000", "Rows to rewrite, for the estimate")
dbutils.widgets.text("tokens_per_s", "2500", "Completion tokens per GPU and second, for the estimate")

root, gpus = dbutils.widgets.get("root"), dbutils.widgets.get("gpus") == "on"
file = dbutils.widgets.get("config")
settings = [f"storage.root={root}", f"storage.catalog={dbutils.widgets.get('catalog')}", *shlex.split(dbutils.widgets.get("settings"))]
config = load_config(Profile.CLUSTER if gpus else Profile.LAPTOP, Path(file) if file else None, settings)
options = Options(config, load_sources(), quiet=True)

# COMMAND ----------

# MAGIC %md
# MAGIC ## What the profile `cluster` starts
# MAGIC One engine per group of GPUs and host, shared by all tasks there. `window` calls are in it at once.

# COMMAND ----------

engines = load_config(Profile.CLUSTER).engines
display(spark.createDataFrame([
    (e.name, e.model, ", ".join(e.roles), e.gpus_per_engine, e.max_model_len, e.window, " ".join(e.args)) for e in engines
], "engine string, model string, roles string, gpus_per_engine int, max_model_len int, window int, args string"))

# COMMAND ----------

# MAGIC %md
# MAGIC ## What this session has
# MAGIC A session that is there is left alone, so on Databricks these belong into the cluster's Spark settings. Rows that
# MAGIC carry pictures end a session whose batches are too large.

# COMMAND ----------

from jobs.session import BYTES_SETTINGS

here = [(key, wanted, spark.conf.get(key, None)) for key, wanted in BYTES_SETTINGS.items()]
display(spark.createDataFrame(
    [(key, wanted, found, found == wanted) for key, wanted, found in here],
    "setting string, wanted string, here string, ok boolean",
))

# COMMAND ----------

# MAGIC %md
# MAGIC ## The doctor
# MAGIC One task per executor looks at Python, the project's code, GPUs, the engine's environment and weights, disk, shared
# MAGIC memory, and whether ROOT can be read and written. `mammoth-vl doctor --executors` is the same from a shell.

# COMMAND ----------

from dataclasses import asdict

from jobs.doctor import examine

findings = examine(options, wait_s=120)
found = spark.createDataFrame([asdict(finding) for finding in findings])
display(found.select("executor", "check", "ok", "found", "next_step"))

# COMMAND ----------

# MAGIC %md
# MAGIC ## What it will cost
# MAGIC Tokens per call as measured in the runs of this root, times your rows, over your GPUs' throughput. The demo's replies
# MAGIC are shorter than those of a large model: measure with a pilot first. `mammoth-vl plan` does it with measured rates.

# COMMAND ----------

Tables(spark, config.storage).read("calls").createOrReplaceTempView("calls")
rows, tokens_per_s = int(dbutils.widgets.get("rows")), int(dbutils.widgets.get("tokens_per_s"))
display(spark.sql(f"""
    SELECT purpose, model, count(*) AS measured_calls, round(avg(prompt_tokens)) AS prompt_tokens,
           round(avg(completion_tokens), 1) AS completion_tokens, round(avg(latency_s), 2) AS latency_s,
           round({rows} * avg(completion_tokens) / {tokens_per_s} / 3600) AS gpu_hours_for_all_rows
    FROM calls WHERE status IN ('ok', 'length') GROUP BY purpose, model ORDER BY purpose
"""))

# COMMAND ----------

# MAGIC %md
# MAGIC ## The pilot
# MAGIC A hundred records of each source through every stage; the full run reuses all of its calls. Not run by the project.

# COMMAND ----------

if gpus:
    from jobs.cli.stages import choose_sources
    from jobs.run import Stage, open_run, run_stages

    with open_run(options) as run:
        outcome = run_stages(run, choose_sources(options, None), list(Stage), limit=100)
    counts = [(c.stage, c.rows_in, c.rows_out, c.calls_new, c.calls_reused, c.calls_failed, c.seconds) for c in outcome.stages]
    display(spark.createDataFrame(
        counts,
        "stage string, rows_in long, rows_out long, calls_new long, calls_reused long, calls_failed long, seconds double",
    ))
else:
    print("gpus is off: the pilot was not run.")

# COMMAND ----------

# MAGIC %md
# MAGIC ## What the engines are doing
# MAGIC Each host writes a line of state below ROOT every five seconds, wherever it runs. Look here while the pilot runs, from
# MAGIC another notebook: Spark shows no progress in the middle of a task. Not run by the project.

# COMMAND ----------

if gpus:
    display(spark.read.json(f"{root}/status"))
else:
    print("gpus is off: no engine of this cluster to look at.")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Then
# MAGIC - The whole of it, stage by stage: `databricks bundle deploy`, then `databricks bundle run mammoth_run`.
# MAGIC - 04 and 05 on the pilot's tables, before the full run is paid for.
