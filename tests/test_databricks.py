"""What Databricks is given: requirements without its own Spark, and jobs that its own tool and our command read."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import typer
import yaml

from jobs.cli import app, pages, stages
from jobs.cli.context import read_options
from jobs.run import Options, Stage
from jobs.session import BYTES_SETTINGS

ROOT = Path(__file__).resolve().parents[1]
BUNDLE = ROOT / "databricks.yml"
OWN = {"pyspark", "delta-spark", "py4j"}
"""What the runtime brings."""

Tree = dict[str, Any]


def pins(name: str) -> dict[str, str]:
    """Packages of a lock file with versions and markers."""
    text = (ROOT / "requirements" / name).read_text("utf-8")
    return dict(re.findall(r"^([A-Za-z0-9_.-]+)==(.+?)\s*\\?$", text, re.MULTILINE))


def test_requirements_are_those_of_spark_without_what_the_runtime_brings():
    spark, databricks = pins("spark.txt"), pins("databricks.txt")
    assert set(spark) >= OWN
    # Else compile it again; CONTRIBUTING.md says how.
    assert databricks == {name: pin for name, pin in spark.items() if name not in OWN}


@pytest.fixture(scope="module")
def bundle() -> Tree:
    """The bundle with its variables put in, as the Databricks CLI does it before it asks its Python half."""
    text = BUNDLE.read_text("utf-8")
    tree: Tree = yaml.safe_load(text)
    values = {name: variable["default"] for name, variable in tree["variables"].items()}

    def resolved(node: object) -> object:
        if isinstance(node, dict):
            return {key: resolved(value) for key, value in node.items()}
        if isinstance(node, list):
            return [resolved(value) for value in node]
        whole = re.fullmatch(r"\$\{var\.(\w+)\}", node) if isinstance(node, str) else None
        return resolved(values[whole[1]]) if whole else node

    return {**tree, "resources": resolved(tree["resources"])}


@pytest.fixture(scope="module")
def jobs(bundle: Tree) -> Tree:
    found: Tree = bundle["resources"]["jobs"]
    return found


def parse(bundle: Tree, folder: Path) -> tuple[int, Tree, list[Tree]]:
    """What Databricks' own tool makes of a bundle: exit code, the bundle as it read it, and what it complains of."""
    given = {**bundle, "bundle": {**bundle["bundle"], "target": "dev"}}
    given["variables"] = {name: {"value": one["default"]} for name, one in bundle["variables"].items()}
    (folder / "in.json").write_text(json.dumps(given), "utf-8")
    files = [f"--{name}={folder / name}.json" for name in ("output", "diagnostics", "locations")]
    command = [sys.executable, "-m", "databricks.bundles.build", "--phase=apply_mutators"]
    done = subprocess.run([*command, f"--input={folder / 'in.json'}", *files], capture_output=True, check=False)
    said = (folder / "diagnostics.json").read_text("utf-8").splitlines()
    return done.returncode, json.loads((folder / "output.json").read_text("utf-8")), [json.loads(line) for line in said]


def test_the_tool_of_databricks_reads_the_bundle(bundle: Tree, tmp_path: Path):
    code, read, said = parse(bundle, tmp_path)
    assert (code, said) == (0, [])
    # Nothing was dropped on the way through its typed classes.
    assert read["resources"] == bundle["resources"]


BROKEN: list[tuple[Stage, tuple[str | int, ...], str, object]] = [
    (Stage.NORMALISE, ("tasks", 0), "python_weel_task", {}),
    (Stage.DEDUP, ("tasks", 0, "python_wheel_task"), "parameter", []),
    (Stage.REWRITE, ("job_clusters", 0, "new_cluster"), "spark_configuration", {}),
    (Stage.JUDGE, ("job_clusters", 0, "new_cluster"), "data_security_mode", "NOBODY"),
    (Stage.PUBLISH, (), "max_concurrent_runs", "many"),
]


def test_the_tool_refuses_what_databricks_does_not_know(bundle: Tree, tmp_path: Path):
    broken = json.loads(json.dumps(bundle))
    for stage, place, key, value in BROKEN:
        node = broken["resources"]["jobs"][f"mammoth_{stage}"]
        for step in place:
            node = node[step]
        node[key] = value
    code, _, said = parse(broken, tmp_path)
    assert code == 1
    assert {one["severity"] for one in said} == {"error"}
    assert [one["path"] for one in said] == [f"resources.jobs.mammoth_{stage}" for stage, *_ in BROKEN]


def references(node: object) -> Iterator[str]:
    if isinstance(node, dict | list):
        for value in node.values() if isinstance(node, dict) else node:
            yield from references(value)
    elif isinstance(node, str):
        yield from re.findall(r"\{\{job\.parameters\.(\w+)\}\}", node)


def test_there_is_a_job_for_each_stage_and_one_for_all_in_order(jobs: Tree):
    assert set(jobs) == {*(f"mammoth_{stage}" for stage in Stage), "mammoth_run"}
    tasks = jobs["mammoth_run"]["tasks"]
    assert [task["task_key"] for task in tasks] == list(Stage)
    assert [[one["task_key"] for one in task.get("depends_on", [])] for task in tasks] == [
        [], *([stage] for stage in list(Stage)[:-1])
    ]  # fmt: skip
    for task in tasks:
        called = f"mammoth_{task['task_key']}"
        assert task["run_job_task"]["job_id"] == f"${{resources.jobs.{called}.id}}"
        assert set(task["run_job_task"]["job_parameters"]) == {one["name"] for one in jobs[called]["parameters"]}
    for job in jobs.values():
        assert set(references(job["tasks"])) == {one["name"] for one in job["parameters"]}


@pytest.mark.parametrize("stage", Stage)
def test_our_command_understands_what_a_job_gives_it(
    jobs: Tree, bundle: Tree, stage: Stage, monkeypatch: pytest.MonkeyPatch
):
    seen: list[tuple[Options, list[Stage]]] = []

    def reported(ctx: typer.Context) -> NoReturn:
        seen.append((read_options(ctx), [Stage.REPORT]))
        raise typer.Exit

    monkeypatch.setattr(stages, "_stage", lambda options, chosen, *_, **__: seen.append((options, list(chosen))))
    monkeypatch.setattr(pages, "open_tables", reported)
    monkeypatch.setattr(stages, "choose_sources", lambda *_: [])
    (task,) = jobs[f"mammoth_{stage}"]["tasks"]
    values = {name: variable["default"] for name, variable in bundle["variables"].items()}
    given = [re.sub(r"\{\{job\.parameters\.(\w+)\}\}", lambda found: values[found[1]], text)
             for text in task["python_wheel_task"]["parameters"]]  # fmt: skip
    with pytest.raises(SystemExit) as ended:
        app.main(given)
    assert ended.value.code == 0
    ((options, chosen),) = seen
    assert chosen == [stage]
    assert options.config.storage.catalog == values["catalog"]
    assert options.config.storage.root == values["root"]
    if stage in (Stage.REWRITE, Stage.JUDGE):
        assert {engine.python for engine in options.config.engines} == {values["engine_python"]}
        assert [engine.path for engine in options.config.engines] == [values["vision_model"], values["text_model"]]
    if stage is Stage.NORMALISE:
        assert options.config.storage.sources_root == values["sources_root"]


def test_clusters_carry_the_settings_that_pictures_need(bundle: Tree):
    for name in ("cpu_cluster", "gpu_cluster"):
        cluster = bundle["variables"][name]["default"]
        assert cluster["spark_conf"].items() >= BYTES_SETTINGS.items()


def test_what_the_bundle_names_is_there(bundle: Tree, jobs: Tree):
    scripts = [one["volumes"]["destination"] for one in bundle["variables"]["gpu_cluster"]["default"]["init_scripts"]]
    assert all((ROOT / "deploy" / Path(script).name).is_file() for script in scripts)
    libraries = bundle["variables"]["libraries"]["default"]
    assert [(ROOT / one["requirements"]).is_file() for one in libraries if "requirements" in one] == [True]
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    for job in jobs.values():
        for task in job["tasks"]:
            wheel = task.get("python_wheel_task")
            assert wheel is None or f'name = "{wheel["package_name"]}"' in project
            assert wheel is None or f'\n{wheel["entry_point"]} = "jobs.cli.app:main"' in project
