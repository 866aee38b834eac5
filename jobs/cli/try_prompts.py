"""`try`: prompts on a few samples, before and after."""

from dataclasses import asdict
from typing import Annotated

import typer

from jobs.cli.context import print_json, print_table, read_options
from jobs.cli.summary import print_calls
from jobs.report.tried import trial_html
from jobs.run import open_run
from jobs.trial import Trial, plan_trial, try_prompts
from udfs import files


def try_(
    ctx: typer.Context,
    prompts: Annotated[list[str], typer.Argument(metavar="PROMPT...", help="One prompt, or several to compare.")],
    source: Annotated[str, typer.Option(metavar="ID", help="Source whose samples are taken, by lowest hash.")],
    n: Annotated[int, typer.Option("--n", "-n", min=1, max=500, help="Samples.")] = 20,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count the calls; no engine is started.")] = False,
    html: Annotated[str | None, typer.Option(metavar="FILE", help="Write a page with pictures.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout instead of tables.")] = False,
) -> None:
    """Try prompts on samples of one source: before and after, no release. Runs reuse the calls."""
    with open_run(read_options(ctx)) as run:
        chosen = [run.engines.prompt(name) for name in dict.fromkeys(prompts)]
        if dry_run:
            calls = plan_trial(run, chosen, source, n)
            title = f"calls to try {len(chosen)} prompts on up to {n} samples; each pair costs a verdict more"
            print_json([asdict(call) | {"new": call.new} for call in calls]) if as_json else print_calls(title, calls)
            return
        trial = try_prompts(run, chosen, source, n)
        if html is not None:
            files.write_bytes(html, trial_html(run.tables, run.config, trial).encode())
            run.progress.say(html)
    if as_json:
        facts = asdict(trial.count) | {"source_id": source}
        print_json({"prompts": trial.summary(), "rows": trial.records(), "count": facts})
    else:
        _print(trial)


def _print(trial: Trial) -> None:
    for record in trial.records():
        told = f"P(yes) {record['p_yes']:.3f}" if record["p_yes"] is not None else record["verdict"] or "not judged"
        failed = "; fails " + ", ".join(record["failed_checks"]) if record["failed_checks"] else ""
        before = f"{record['question_before']}\n\n{record['answer_before']}"
        after = f"[{record['status']}] {record['detail'] or ''}"
        if record["question_after"] is not None:
            after = f"{record['question_after']}\n\n{record['answer_after']}\n\n[{told}{failed}]"
        print_table(
            f"prompt {record['prompt']}, sample {record['sample_id'][:8]}", ("before", "after"), [(before, after)]
        )
    sums = trial.summary()
    print_table("prompts", tuple(sums[0]), [tuple(row.values()) for row in sums])
    count = trial.count
    typer.echo(f"calls: {count.calls_new} new, {count.calls_reused} reused, {count.calls_failed} failed")
