"""Files for images, pods and nodes: read by what will read them, and what they call is there."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pyspark.sql import SparkSession

from jobs.cli.tables import write_bundle
from udfs.engine.install import Build

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCS = (ROOT / "docs" / "platforms.md").read_text("utf-8")
INIT = DEPLOY / "databricks-init.sh"


def instructions() -> list[tuple[str, str]]:
    """Of the Dockerfile, as Docker joins its lines: word and the rest."""
    lines = [line for line in (DEPLOY / "Dockerfile").read_text("utf-8").splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages in one zip, as a wheel is to Python's path."""
    path = tmp_path_factory.mktemp("wheel") / "mammoth_vl.whl"
    write_bundle(path)
    return path


def init(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs the init script on a node whose PATH has nothing but a shell's tools and Python."""
    tools = folder / "bin"
    tools.mkdir(exist_ok=True)
    for name in ("bash", "mkdir"):
        (tools / name).symlink_to(f"/bin/{name}")
    (tools / "python3").symlink_to(sys.executable)
    environment = {"PATH": str(tools), **variables}
    return subprocess.run(["bash", str(INIT)], env=environment, capture_output=True, text=True, check=False)


def test_shells_read_the_scripts():
    runs = [rest for word, rest in instructions() if word == "RUN"]
    assert any("mammoth-vl engine install --prefix /opt/mammoth-vl/engine" in command for command in runs)
    for command in runs:
        subprocess.run(["sh", "-n", "-c", command], check=True)
    subprocess.run(["bash", "-n", str(INIT)], check=True)


def test_the_image_copies_what_the_checkout_has_and_names_what_is_there():
    copied = [rest.split()[:-1] for word, rest in instructions() if word == "COPY" and not rest.startswith("--from")]
    sources = [path for paths in copied for path in paths]
    assert {"schemas", "udfs", "jobs", "prompts", "requirements", "pyproject.toml"} <= set(sources)
    assert [path for path in sources if not (ROOT / path).exists()] == []
    text = (DEPLOY / "Dockerfile").read_text("utf-8")
    assert "jobs/main.py main.py" in text
    builds = re.findall(r"ENGINE_BUILD=(\w+)", text)
    assert set(builds) <= {*Build, "none"}
    for path in ("/opt/mammoth-vl/main.py", "/opt/mammoth-vl/engine/bin/python"):
        assert path in DOCS  # as the image has them


def test_a_node_without_gpus_gets_no_engine(tmp_path: Path, wheel: Path):
    ran = init(tmp_path, MAMMOTH_WHEEL=str(wheel), MAMMOTH_PREFIX=str(tmp_path / "laid"))
    assert ran.returncode == 0
    assert "no GPU on this node" in ran.stderr
    assert not (tmp_path / "laid").exists()


@pytest.mark.parametrize("path", ["", "/nowhere/mammoth_vl.whl"])
def test_a_missing_wheel_stops_the_node(tmp_path: Path, path: str):
    ran = init(tmp_path, **({"MAMMOTH_WHEEL": path} if path else {}))
    assert ran.returncode == 1
    assert "MAMMOTH_WHEEL" in ran.stderr or path in ran.stderr


def test_the_init_script_calls_the_installer(tmp_path: Path, wheel: Path):
    laid = tmp_path / "laid"
    (laid / "engine").mkdir(parents=True)
    (laid / "engine" / "work.txt").write_text("mine")
    ran = init(tmp_path, MAMMOTH_WHEEL=str(wheel), MAMMOTH_PREFIX=str(laid), MAMMOTH_BUILD="cpu")
    assert ran.returncode == 2  # the installer's own refusal, and its own exit code
    assert f"{laid / 'engine'} holds something else than an environment" in ran.stderr


def unknown(node: Any, path: str) -> Iterator[str]:  # noqa: ANN401 - Java objects
    """Fields that the Kubernetes model does not know, below a Java object of it."""
    for name in node.getAdditionalProperties():
        yield f"{path}.{name}"


def test_the_pod_template_is_one_to_spark(spark: SparkSession):
    jvm: Any = spark._jvm
    text = (DEPLOY / "pod-template.yaml").read_text("utf-8")
    kind = jvm.java.lang.Class.forName("io.fabric8.kubernetes.api.model.Pod")
    pod = jvm.io.fabric8.kubernetes.client.utils.Serialization.unmarshal(text, kind)
    (container,) = pod.getSpec().getContainers()
    parts = {"pod": pod, "spec": pod.getSpec(), "container": container}
    parts |= {f"volume {volume.getName()}": volume for volume in pod.getSpec().getVolumes()}
    parts |= {f"{at}. toleration": one for at, one in enumerate(pod.getSpec().getTolerations())}
    parts |= {f"{name}.emptyDir": volume.getEmptyDir() for name, volume in parts.items() if name[:3] == "vol"}
    parts = {name: part for name, part in parts.items() if part is not None}
    parts |= {f"mount {mount.getMountPath()}": mount for mount in container.getVolumeMounts()}
    assert [found for name, part in parts.items() for found in unknown(part, name)] == []


def test_the_pod_template_holds_what_the_docs_say():
    spec = yaml.safe_load((DEPLOY / "pod-template.yaml").read_text("utf-8"))["spec"]
    (container,) = spec["containers"]
    volumes = {volume["name"] for volume in spec["volumes"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert set(mounts) == volumes
    assert mounts["shm"] == os.fspath(Path("/dev/shm"))
    (variable,) = container["env"]
    assert variable["value"].startswith(mounts["scratch"])
    assert f"host_dir: ${variable['name']}" in DOCS
    assert f"model: {mounts['models']}/" in DOCS
    claims = [
        volume["persistentVolumeClaim"]["claimName"]
        for volume in spec["volumes"]
        if len(volume) > 1 and "persistentVolumeClaim" in volume
    ]
    assert all(f"claim `{claim}`" in DOCS for claim in claims)
    (user,) = [rest for word, rest in instructions() if word == "USER"]
    assert spec["securityContext"]["fsGroup"] == int(user)
