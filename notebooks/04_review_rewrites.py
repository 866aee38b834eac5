# Databricks notebook source
# MAGIC %md
# MAGIC # Review rewrites and verdicts
# MAGIC
# MAGIC What a run wrote, what the judge and the checks said of it, and single rows with their pictures. Nothing is changed and
# MAGIC no engine is needed.

# COMMAND ----------

# MAGIC %md
# MAGIC On Databricks the project's requirements come from the cluster's libraries (docs/notebooks/README.md) or from here.
# MAGIC Restart Python afterwards if Databricks asks for it.

# COMMAND ----------

# MAGIC %pip install --quiet -r ../requirements/databricks.txt

# COMMAND ----------

from jobs.corpus import catalogue_folder
from jobs.report.show import rows_html
from jobs.run import Options
from jobs.tables import Tables
from schemas.config import Profile, load_config
from schemas.source import load_sources

dbutils.widgets.text("root", ".demo", "Root of the run")
dbutils.widgets.text("catalog", "", "catalog.schema of the tables; empty: below root")
dbutils.widgets.text("where", "category = 'Chart'", "Rows to look at")

root = dbutils.widgets.get("root")
settings = [f"storage.root={root}", f"storage.sources_root={root}/sources"]
config = load_config(Profile.LAPTOP, None, [*settings, f"storage.catalog={dbutils.widgets.get('catalog')}"])
tables = Tables(spark, config.storage)
for name in ("samples", "rewritten", "judged", "calls"):
    tables.read(name).createOrReplaceTempView(name)

# COMMAND ----------

# MAGIC %md
# MAGIC ## What became of the replies
# MAGIC Only `ok` gives pairs; the other words say what the parser found instead.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT s.category, r.parse_status, count(DISTINCT r.call_key) AS replies, count_if(r.position >= 0) AS pairs
# MAGIC FROM rewritten r JOIN samples s USING (sample_id) GROUP BY ALL ORDER BY ALL

# COMMAND ----------

# MAGIC %md
# MAGIC ## What the judge said
# MAGIC P(yes) in tenths. No readable verdict is a class of its own, never a No.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT verdict, floor(p_yes * 10) / 10 AS p_yes_from, count(*) AS pairs, round(avg(label_mass), 3) AS label_mass
# MAGIC FROM judged WHERE subject_kind = 'rewritten' GROUP BY ALL ORDER BY verdict, p_yes_from

# COMMAND ----------

# MAGIC %md
# MAGIC ## What the checks said
# MAGIC They need no model. NULL means that a check does not apply: no gold answer to keep, no sum to verify.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT source_id, count(*) AS pairs, count_if(NOT checks.gold_preserved) AS lost_gold,
# MAGIC        count_if(NOT checks.arithmetic_holds) AS wrong_sum, count_if(NOT checks.no_refusal) AS refusals,
# MAGIC        count_if(NOT checks.no_repetition) AS repetitions, count_if(NOT checks.no_template) AS template_marks
# MAGIC FROM rewritten WHERE position >= 0 GROUP BY source_id ORDER BY source_id

# COMMAND ----------

# MAGIC %md
# MAGIC ## Where judge and checks disagree
# MAGIC Pairs that the judge likes although they lost the known answer: the reason why publishing asks both.

# COMMAND ----------

# MAGIC %sql
# MAGIC SELECT r.source_id, s.gold_answer, left(r.response, 300) AS response, round(j.p_yes, 3) AS p_yes
# MAGIC FROM rewritten r JOIN samples s USING (sample_id) JOIN judged j ON j.subject_id = r.pair_id
# MAGIC WHERE NOT r.checks.gold_preserved AND j.p_yes IS NOT NULL ORDER BY j.p_yes DESC LIMIT 5

# COMMAND ----------

# MAGIC %md
# MAGIC ## Rows with their pictures
# MAGIC The card of `mammoth-vl view`: pictures, before and after, verdict, checks, and the way back. Change the widget
# MAGIC `where`; docs/report.md lists the columns.

# COMMAND ----------

where = f"kind = 'rewritten' AND parse_status = 'ok' AND ({dbutils.widgets.get('where')})"
displayHTML(rows_html(tables, config, where, limit=2))

# COMMAND ----------

# MAGIC %md
# MAGIC ## One row explained
# MAGIC The one of these that the judge likes best, from its verdict back to the record in its source file. Each request is
# MAGIC rendered again and compared with the hash of what was sent.

# COMMAND ----------

from jobs.report.explain import explain, render_explanation
from jobs.report.rows import overview

best = overview(tables, config).where(where).orderBy("p_yes", "id", ascending=[False, True]).collect()[0]
found = explain(tables, Options(config, load_sources(catalogue_folder()), quiet=True), best.id)
displayHTML(render_explanation(found))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Next
# MAGIC - A page for people who label without seeing verdicts: `mammoth-vl label`, then kappa by `label agreement`.
# MAGIC - 05: what publishing makes of these verdicts.
