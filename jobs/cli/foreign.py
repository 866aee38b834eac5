"""`jobs` and `schemas` are common names: a foreign package of that name is refused by its path."""

from importlib.util import find_spec
from pathlib import Path

from schemas.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]


def refuse_foreign_packages() -> None:
    """Raises ConfigError when one of our packages would be imported from elsewhere."""
    for name in ("schemas", "udfs", "jobs", "prompts"):
        spec = find_spec(name)
        found = Path(spec.origin).resolve() if spec and spec.origin else None
        if found is None or found.parent.parent != ROOT:
            raise ConfigError(
                f"package {name!r} resolves to {found}, not to {ROOT / name}",
                "remove that folder from PYTHONPATH, or install mammoth-vl into an environment of its own",
            )
