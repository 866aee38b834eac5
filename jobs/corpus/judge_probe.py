"""Planted right and wrong answers, to see whether a judge tells them apart."""

from importlib.resources import files

import yaml

from jobs.corpus.item import Probe


def probes() -> tuple[Probe, ...]:
    """Every question twice: with its right and with a wrong answer."""
    entries = yaml.safe_load(files("jobs.corpus").joinpath("judge_probe.yaml").read_text("utf-8"))
    return tuple(
        Probe(entry["category"], entry["question"], entry["evidence"].strip(), entry[kind], kind == "right")
        for entry in entries
        for kind in ("right", "wrong")
    )
