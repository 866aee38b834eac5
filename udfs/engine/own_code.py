"""Copies the host's own code to HOST_DIR: the zip in an executor's work directory vanishes with its application."""

import hashlib
import shutil
import tempfile
from importlib.resources import files
from pathlib import Path

_FOLDERS = (("schemas", ""), ("udfs", ""), ("udfs", "engine"))


def install(host_dir: Path) -> Path:
    """The folder to put on the host's path; named by what it holds, so it is written once."""
    sources: dict[str, bytes] = {}
    for package, folder in _FOLDERS:
        root = files(package) / folder if folder else files(package)
        for entry in root.iterdir():
            if entry.name.endswith(".py"):
                sources["/".join(filter(None, (package, folder, entry.name)))] = entry.read_bytes()
    digest = hashlib.sha256()
    for name in sorted(sources):
        digest.update(name.encode() + b"\0" + sources[name] + b"\0")
    target = host_dir / "code" / digest.hexdigest()[:16]
    if not target.exists():
        target.parent.mkdir(exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=target.parent))
        for name, content in sources.items():
            (scratch / name).parent.mkdir(parents=True, exist_ok=True)
            (scratch / name).write_bytes(content)
        try:
            scratch.rename(target)
        except OSError:  # another process was first
            shutil.rmtree(scratch)
    return target
