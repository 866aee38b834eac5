"""ROOT and sources on an object store: an S3 server on loopback, through pyarrow and through Spark's own S3A."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pyarrow as pa
import pytest
from corpora import stub_settings
from normalised import encoded, staged

from schemas.config import Storage
from schemas.source import packaged_sources
from udfs import files

ROOT = Path(__file__).parents[1]
SERVER = ROOT / ".venv-s3" / "bin" / "moto_server"
SDK = ",".join(
    ["org.apache.hadoop:hadoop-aws:3.4.2"]
    + [f"software.amazon.awssdk:{part}:2.29.52" for part in ("s3", "s3-transfer-manager", "sts", "apache-client")]
)
"""What S3A needs; the bundle that hadoop-aws asks for has 640 MB, nearly all of it for other services."""
PROBLEMS = [{"question": f"What is {n} and {n}?", "answer": f"{n} + {n} = {2 * n}"} for n in range(20)]


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a server with an empty bucket named `bucket`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1"}
    log = tmp_path_factory.mktemp("s3") / "log"
    with pytest.MonkeyPatch.context() as patch, log.open("w") as out:
        for name, value in {**keys, "AWS_ENDPOINT_URL": url, "AWS_EC2_METADATA_DISABLED": "true"}.items():
            patch.setenv(name, value)
        server = subprocess.Popen([SERVER, "-H", "127.0.0.1", "-p", str(port)], stdout=out, stderr=out)
        try:
            _wait(server, port, log)
            urlopen(Request(f"{url}/bucket", method="PUT")).close()
            yield url
        finally:
            server.terminate()
            server.wait(30)


def _wait(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(300):
        assert server.poll() is None, log.read_text()
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text())


def die_writing(stream: pa.NativeFile):
    stream.write(b"[2]")
    raise RuntimeError("killed")


def test_files_of_a_bucket(s3: str):
    name = "s3a://bucket/files/a b/x[1].json"
    assert not files.exists(name)
    files.write_bytes(name, b"[1]")
    assert (files.exists(name), files.size(name), files.read_bytes(name, 2)) == (True, 3, b"[1")
    assert files.find("s3://bucket/files", ["**", "**/.*"]) == ["a b/x[1].json"], "nothing unfinished is left"
    assert files.folders("s3://bucket/files") == ["a b"]
    assert (files.weigh("s3://bucket/files"), files.weigh("s3://bucket/none")) == ((1, 3), (0, 0))
    with pytest.raises(RuntimeError, match="killed"), files.writing(name) as stream:
        die_writing(stream)
    assert files.read_bytes(name) == b"[1]"
    files.remove("s3://bucket/files")
    assert not files.exists("s3://bucket/files")


def test_a_source_of_a_bucket(s3: str):
    files.write_bytes("s3://bucket/sources/orca_math/data/train.parquet", encoded("train.parquet", PROBLEMS))
    rows = staged(packaged_sources()["orca_math"], Storage(sources_root="s3://bucket/sources"))
    samples = [row["sample"] for row in rows if row["sample"]]
    assert [sample["conversation"][0]["text"] for sample in samples] == [row["question"] for row in PROBLEMS]
    assert {sample["origin"]["file"] for sample in samples} == {"data/train.parquet"}


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_whole_run_on_a_bucket(s3: str, hosts: Path, tmp_path: Path):
    """Tables, exports, status and report below s3a://; the second run pays nothing."""
    files.write_bytes("s3://bucket/data/orca_math/data/train.parquet", encoded("train.parquet", PROBLEMS))
    extra = {
        "spark.jars.packages": SDK,
        "spark.jars.excludes": "software.amazon.awssdk:bundle",
        "spark.jars.ivySettings": str(ROOT / "jobs" / "ivysettings.xml"),
        "spark.hadoop.fs.s3a.endpoint": s3,
        "spark.hadoop.fs.s3a.path.style.access": "true",
    }
    settings = [*stub_settings(tmp_path, hosts, {"p_yes": 0.9}), f"spark.extra={json.dumps(extra)}"]
    settings += ["publishing.require_checks=[]", "rewriting.groups=[text]", "storage.sources_root=s3://bucket/data"]
    command = [str(Path(sys.executable).parent / "mammoth-vl"), "--root", "s3a://bucket/out", "--quiet"]
    command += [part for setting in settings if not setting.startswith("storage.root=") for part in ("--set", setting)]
    told = []
    for _ in range(2):
        ran = subprocess.run([*command, "run", "--json"], capture_output=True, text=True, check=False, env=os.environ)
        assert ran.returncode == 0, ran.stderr[-4000:]
        told.append(json.loads(ran.stdout[ran.stdout.index("{") :]))
    first, second = told
    assert first["release"]["release_id"] == second["release"]["release_id"] == 1
    calls = [sum(stage["calls_new"] for stage in run["stages"]) for run in told]
    assert calls[0] >= len(PROBLEMS)
    assert calls[1] == 0
    assert files.exists("s3://bucket/out/exports/1/manifest.json")
    assert b"<h1>Release 1</h1>" in files.read_bytes("s3://bucket/out/reports/release-1.html")
    assert not list(tmp_path.rglob("*.parquet")), "nothing is kept on this disk"
