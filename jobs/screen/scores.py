"""1-5 scores of a few samples: normalise and judge in a root of their own, with the engine of the configuration."""

from dataclasses import replace
from tempfile import TemporaryDirectory

from pyspark.sql import functions as f

from jobs.run import Options, Stage, open_run, run_stages
from jobs.screen.find import Found
from schemas.config import MediaMode
from schemas.errors import InputError

SCORED = 30
"""Samples that are scored."""


def score(options: Options, found: Found) -> tuple[float, ...]:
    """Mean information and relevance of up to SCORED samples; empty when no reply could be read."""
    if found.config.media.mode is MediaMode.SKIP:
        raise InputError(
            "--score: most pictures are missing, and nothing is scored without its pictures",
            "put them there, or screen without --score",
        )
    with TemporaryDirectory(prefix="mammoth-screen-") as root:
        config = found.config
        storage = config.storage.model_copy(update={"root": root, "catalog": None})
        judging = config.judging.model_copy(update={"score_share": 1.0})
        rewriting = config.rewriting.model_copy(update={"groups": (found.source.group,)})  # whose originals are scored
        changed = config.model_copy(update={"storage": storage, "judging": judging, "rewriting": rewriting})
        with open_run(replace(options, config=changed)) as run:
            run_stages(run, [found.source], [Stage.NORMALISE, Stage.JUDGE], SCORED)
            means = (f.avg("content_score"), f.avg("relevance_score"))
            row = run.tables.read("judged").agg(*means).collect()[0]
    return tuple(float(mean) for mean in row if mean is not None)
