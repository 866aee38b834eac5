"""`--set key=value` and files laid over a profile."""

from collections.abc import Mapping
from typing import Any

import yaml

from schemas.errors import ConfigError


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` over `below`, section by section."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def assign(tree: dict[str, Any], setting: str) -> dict[str, Any]:
    """`a.b=1`; list items by position or by name: `engines.main.model=...`; `engine.x` is the first engine."""
    key, separator, text = setting.partition("=")
    if not separator:
        raise ConfigError(f"--set {setting!r} has no '='", "write --set key=value, e.g. --set spark.master=local[2]")
    path = key.strip().split(".")
    if path[0] == "engine":
        path = ["engines", "0", *path[1:]]
    node: Any = tree
    for step in path[:-1]:
        if isinstance(node, list):
            names = [str(item.get("name", at)) for at, item in enumerate(node)]
            if step not in names and not (step.isdigit() and int(step) < len(node)):
                raise ConfigError(f"--set {key}: no {step!r} among {names}", "`mammoth-vl config show` prints all keys")
            node = node[names.index(step) if step in names else int(step)]
        else:
            node = node.setdefault(step, {})
        if not isinstance(node, dict | list):
            raise ConfigError(
                f"--set {key}: {step!r} is a value, not a section", "`mammoth-vl config show` prints all keys"
            )
    if isinstance(node, list):
        raise ConfigError(f"--set {key}: {path[-1]!r} is an entry of a list", "name one of its keys too")
    try:
        node[path[-1]] = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"--set {key}: {text!r} is not a YAML value", "quote it: --set 'key=\"value\"'") from error
    return tree


def told(fault: Mapping[str, Any]) -> str:
    """One of pydantic's errors as a line: key, what is allowed, what was found."""
    key, found = ".".join(map(str, fault["loc"])) or "config", fault["input"]
    text = repr(found)
    short = text if len(text) <= 80 else text[:77] + "..."
    if fault["type"] in ("tuple_type", "list_type") and isinstance(found, str):
        return f"{key} is a list: write {key}=[{found}] (found {short})"
    return f"{key}: {fault['msg']} (found {short})"
