# Databricks notebook source
# MAGIC %md
# MAGIC # Tune a prompt: before and after on a few samples
# MAGIC
# MAGIC Two prompts are asked about the same samples, and the judge about what comes back. It is what
# MAGIC `mammoth-vl try PROMPT OTHER --source S -n 20` does. No release is made. Replies enter the log `calls` under the keys
# MAGIC that stages use, so a later run with the prompt that you settle on asks none of them again.
# MAGIC
# MAGIC The widget `engine` is `off`, or settings as `--set` takes them, e.g. `engine.path=.demo/models/smollm2-135m` after
# MAGIC `make demo`, or `engine.model=/models/Qwen2.5-VL-7B-Instruct`.

# COMMAND ----------

# MAGIC %md
# MAGIC On Databricks the project's requirements come from the cluster's libraries (docs/notebooks/README.md) or from here.
# MAGIC Restart Python afterwards if Databricks asks for it.

# COMMAND ----------

# MAGIC %pip install --quiet -r ../requirements/databricks.txt

# COMMAND ----------

import shlex

from schemas.config import Profile, load_config
from udfs.prompts import Prompt, load_prompts

dbutils.widgets.text("root", ".demo", "Root of the run")
dbutils.widgets.text("catalog", "", "catalog.schema of the tables; empty: below root")
dbutils.widgets.text("engine", "off", "Engine settings, or off")
dbutils.widgets.text("source", "demo_charts", "Source")
dbutils.widgets.text("n", "20", "Samples")

root, engine = dbutils.widgets.get("root"), dbutils.widgets.get("engine")
source, n = dbutils.widgets.get("source"), int(dbutils.widgets.get("n"))
settings = [f"storage.root={root}", f"storage.catalog={dbutils.widgets.get('catalog')}"]
config = load_config(Profile.LAPTOP, None, settings + ([] if engine == "off" else shlex.split(engine)))

# COMMAND ----------

# MAGIC %md
# MAGIC ## The prompt in use
# MAGIC A prompt is a YAML file in `prompts/`; its version is the hash of its content. Source text never enters a template:
# MAGIC evidence, question and answer stand before it, fenced.

# COMMAND ----------

base = load_prompts()["rationale"]
print(base.version)
print(base.task)

# COMMAND ----------

# MAGIC %md
# MAGIC ## The prompt on trial
# MAGIC Change what you like; the model is told the known answer either way.

# COMMAND ----------

trial_prompt = Prompt.model_validate({
    **base.model_dump(),
    "name": "rationale_read_first",
    "about": "As rationale, but reads the values off before it reasons.",
    "user": "First name the values that the answer depends on. Then explain in one sentence how the answer follows. "
    "End with the answer.",
})
print(trial_prompt.version)
print(trial_prompt.task)

# COMMAND ----------

# MAGIC %md
# MAGIC ## What it would cost
# MAGIC Counted before anything is asked; calls that an earlier run or trial made are not paid again. Each pair that comes
# MAGIC back costs a verdict more.

# COMMAND ----------

from dataclasses import asdict

from jobs.run import Options, open_run
from jobs.trial import RECORDS, plan_trial, try_prompts

prompts = [base, trial_prompt]
if engine == "off":
    print("The engine is off: nothing is asked, and the cells below show nothing.")
else:
    with open_run(Options(config, {}, quiet=True)) as run:
        calls = [asdict(call) | {"new": call.new} for call in plan_trial(run, prompts, source, n)]
        display(spark.createDataFrame(calls))

# COMMAND ----------

# MAGIC %md
# MAGIC ## The trial
# MAGIC One row per prompt. `checks_failed` counts pairs that lost the known answer, hold a wrong sum, refuse, repeat
# MAGIC themselves or leave marks of a template.

# COMMAND ----------

trial = None
if engine != "off":
    with open_run(Options(config, {}, quiet=True)) as run:
        trial = try_prompts(run, prompts, source, n)
        tables = run.tables
    display(spark.createDataFrame(trial.summary()))
    count = trial.count
    print(f"calls: {count.calls_new} new, {count.calls_reused} reused, {count.calls_failed} failed")

# COMMAND ----------

# MAGIC %md
# MAGIC ## Before and after
# MAGIC What both prompts made of one sample stands together.

# COMMAND ----------

if trial is not None:
    rows = spark.createDataFrame(trial.records(), RECORDS)
    display(rows.select("prompt", "status", "answer_before", "answer_after", "verdict", "p_yes", "failed_checks"))

# COMMAND ----------

from dataclasses import replace

from jobs.report.tried import trial_html

if trial is not None:
    first = replace(trial, rows=trial.rows[:4])
    displayHTML(trial_html(tables, config, first))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Keep it
# MAGIC Save the YAML below as `my-prompts/rationale_read_first.yaml`, and run with
# MAGIC `--prompts my-prompts --set rewriting.prompts.Chart=rationale_read_first`.

# COMMAND ----------

import yaml

print(yaml.safe_dump(trial_prompt.model_dump(mode="json", exclude_defaults=True), sort_keys=False, width=100))

# COMMAND ----------

# MAGIC %md
# MAGIC ## Next
# MAGIC - The same from a shell, with a page of pictures: `mammoth-vl try rationale rationale_read_first --source demo_charts
# MAGIC   -n 20 --html trial.html`, and `--dry-run` to count only.
# MAGIC - 04: review what a whole run wrote.
