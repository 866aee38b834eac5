"""`vl_rewrite` and `vl_judge` for a session: registered for SQL, and returned for DataFrame expressions."""

import re
import uuid
from dataclasses import dataclass
from urllib.parse import unquote

from jobs.engines import Engines
from jobs.tables import Tables
from jobs.wanted import scoring_judge
from schemas.config import Sampling
from udfs.pandas_udfs import Looking, PictureFiles, Question, Udf, vl_judge_udf, vl_rewrite_udf
from udfs.prompts import Prompt
from udfs.render.keys import LABEL_SAMPLING


@dataclass(frozen=True)
class Functions:
    """Both functions, to be called with columns."""

    vl_rewrite: Udf
    vl_judge: Udf


def register(tables: Tables, engines: Engines) -> Functions:
    """Registers both on the session of the tables, as one query session with a cap of its own; starts no engine.

    Where an engine reads pictures, the files of `media_bytes` are listed here, so that workers can open them: by local
    path or by a URI of an object store that pyarrow knows.
    """
    looking = looking_of(tables, engines)
    functions = Functions(vl_rewrite_udf(looking), vl_judge_udf(looking))
    tables.spark.udf.register("vl_rewrite", functions.vl_rewrite)
    tables.spark.udf.register("vl_judge", functions.vl_judge)
    return functions


def looking_of(tables: Tables, engines: Engines) -> Looking:
    """The same prompts, engines and sampling as the stages have."""
    sampling, judge = engines.config.rewriting.sampling, scoring_judge(engines)
    rewriters = {
        category.value: _question(engines, prompt, engines.rewriter(category).name, sampling)
        for category, prompt in engines.rewrite_prompts.items()
    }
    verdict = _question(engines, engines.prompt(judge.prompt), judge.engine, LABEL_SAMPLING)
    sees = any(question.target.vision for question in (*rewriters.values(), verdict))
    # Spark names files as URIs (a local one begins with file:/), the door to files takes paths as written.
    listed = tables.read("media_bytes").inputFiles() if sees else []
    uris = tuple(unquote(re.sub("^file:/+", "/", uri)) for uri in listed)
    pictures = PictureFiles(uris, engines.config.storage.media_buckets)
    return Looking(uuid.uuid4().hex, rewriters, verdict, engines.config.judging.min_label_mass, pictures)


def _question(engines: Engines, prompt: Prompt, engine: str, sampling: Sampling) -> Question:
    return Question(prompt, engines.target(engine, sampling), engines.settings[engine])
