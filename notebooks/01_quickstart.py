# Databricks notebook source
# MAGIC %md
# MAGIC # Quickstart: what a run leaves behind
# MAGIC
# MAGIC Run `make demo` first, or any `mammoth-vl run`. This notebook reads the Delta tables below `root`, or those of
# MAGIC `catalog`, and changes nothing. The widget `engine` is `off`; other values are settings, as `--set` takes them, of
# MAGIC the engine that the last part asks, e.g. `engine.path=.demo/models/smollm2-135m`.

# COMMAND ----------

# MAGIC %md
# MAGIC On Databricks the project's requirements come from the cluster's libraries (docs/notebooks/README.md) or from here.
# MAGIC Restart Python afterwards if Databricks asks for it.

# COMMAND ----------

# MAGIC %pip install --quiet -r ../requirements/databricks.txt

# COMMAND ----------

import shlex

from jobs.tables import Tables
from jobs.views import register_views
from schemas.config import Profile, load_config

dbutils.widgets.text("root", ".demo", "Root of the run")
dbutils.widgets.text("catalog", "", "catalog.schema of the tables; empty: below root")
dbutils.widgets.text("engine", "off", "Engine settings, or off")
engine = dbutils.widgets.get("engine")
settings = [f"storage.root={dbutils.widgets.get('root')}", f"storage.catalog={dbutils.widgets.get('catalog')}"]
config = load_config(Profile.LAPTOP, None, settings + ([] if engine == "off" else shlex.split(engine)))
tables = Tables(spark, config.storage)
register_views(tables)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Stages
# MAGIC Records are samples, duplicates and rejects; nothing gets lost without a row that says why. A second run reuses
# MAGIC the calls of the first.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT stage, count(DISTINCT run_id) AS runs, sum(records) AS records, sum(rows_in) AS rows_in,
# MAGIC        sum(rows_out) AS rows_out, sum(rejected) AS rejected, sum(calls_new) AS calls_new,
# MAGIC        sum(calls_reused) AS calls_reused
# MAGIC FROM runs GROUP BY stage ORDER BY min(started)

# COMMAND ----------

# MAGIC %md
# MAGIC ## Rejects
# MAGIC The reason comes from a closed list, the detail says what was found, the origin leads to the record.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT drop_reason, source_id, count(*) AS rejected, min(detail) AS example, min(origin.file) AS file
# MAGIC FROM current_rejects GROUP BY drop_reason, source_id ORDER BY drop_reason, source_id

# COMMAND ----------

# MAGIC %md
# MAGIC ## Before and after
# MAGIC A rewrite keeps the way back to its sample and to the call that it was paid with.

# COMMAND ----------

pairs = spark.sql("""
    SELECT s.source_id, s.conversation[1].text AS before, r.response AS after, r.instruction, c.model,
           c.completion_tokens
    FROM rewritten r
    JOIN samples s USING (sample_id)
    JOIN (SELECT call_key, min_by(model, at) AS model, min_by(completion_tokens, at) AS completion_tokens
          FROM calls GROUP BY call_key) c USING (call_key)
    WHERE r.position >= 0
    ORDER BY r.pair_id
""")
display(pairs.limit(5))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Verdicts
# MAGIC `p_yes` is the judge's probability of Yes. A reply that holds neither Yes nor No is `unparsed`, never a No.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT source_id, verdict, count(*) AS pairs, round(avg(p_yes), 3) AS p_yes, round(avg(label_mass), 3) AS label_mass
# MAGIC FROM judged WHERE subject_kind = 'rewritten' GROUP BY source_id, verdict ORDER BY source_id, verdict

# COMMAND ----------

# MAGIC %md
# MAGIC ## The release
# MAGIC Only rows that a gate has passed stand in `instruct`.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT category, kind, split, count(*) AS rows FROM instruct GROUP BY ALL ORDER BY ALL

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT r.release_id, r.rows, g.success, size(g.expectations) AS expectations, r.content_hash
# MAGIC FROM releases r JOIN gates g USING (gate_id) ORDER BY release_id

# COMMAND ----------

# MAGIC %md
# MAGIC ## Ask the judge yourself
# MAGIC With an engine at hand `vl_judge` works in any query. Filters and LIMIT keep the calls few (docs/udfs.md).

# COMMAND ----------

if engine != "off":
    from jobs.engines import load_engines
    from jobs.queries import register

    register(tables, load_engines(config, None, tables.root))
    display(spark.sql("""
        SELECT 'How many legs has a spider?' AS instruction, answer,
               vl_judge('How many legs has a spider?', answer, NULL, 'Spiders have eight legs.') AS verdict
        FROM VALUES ('Eight.'), ('Six.') AS t(answer)
    """))
else:
    print("The engine is off: nothing is asked.")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Next
# MAGIC - A real model: `mammoth-vl --set engine.model=/models/your-vision-model demo`.
# MAGIC - Your own data: one YAML file per dataset, `--catalogue DIR`; `mammoth-vl sources list` shows the packaged ones.
# MAGIC - Further questions in SQL: `mammoth-vl --root .demo sql "SELECT * FROM instruct LIMIT 5"`.
