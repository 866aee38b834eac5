"""The suites of logs: what was rejected, asked and run."""

from schemas.enums import CallStatus, DropReason, Purpose
from schemas.expectations import NO_END, Rule, Suite, every_row, nothing_missing, one_of
from schemas.gate import Gate
from schemas.logs import CALLS, REJECTS, RUNS

IN_LOG = "as many as the latest run of its stage logged"


def rejects(gate: Gate) -> Suite:
    """Records that came to nothing."""
    rules = (
        Rule("columns"),
        nothing_missing(REJECTS),
        one_of("drop_reason", DropReason),
        one_of("stage", ("normalise", "dedup")),
        every_row(
            "duplicate_names_twin", "drop_reason <> 'duplicate' OR length(duplicate_of) > 0", "a sample_id", "detail"
        ),
        Rule("counts_match_log", allowed=f"rejects of each source {IN_LOG}"),
        Rule("reject_rate", 0, gate.max_reject_rate, setting="gate.max_reject_rate",
             next_step="look at view reject_counts"),
        Rule("source_reject_rate", 0, gate.max_source_reject_rate, setting="gate.max_source_reject_rate",
             next_step="`mammoth-vl sources check` the sources named, or leave them out"),
    )  # fmt: skip
    name = "concat(source_id, ' ', origin.file, ':', origin.position)"
    return Suite(REJECTS, rules, name, "run `mammoth-vl normalise` again")


def calls() -> Suite:
    """Keys may repeat: a call that failed is asked again."""
    rules = (
        Rule("columns"),
        one_of("purpose", Purpose),
        one_of("status", CallStatus),
        every_row("counts_positive", "coalesce(least(attempt, prompt_tokens, completion_tokens), 0) >= 0", "0 or more",
                  "to_json(struct(attempt, prompt_tokens, completion_tokens))"),
    )  # fmt: skip
    return Suite(CALLS, rules, "call_key", "restore `calls` from a backup: what it lacks is paid again")


def runs() -> Suite:
    """Stages as they ran."""
    rules = (
        Rule("columns"),
        Rule("rows", 1, NO_END, "count(*)"),
        nothing_missing(RUNS),
        every_row("ends_after_it_began", "ended >= started", "no earlier than it began", "string(ended)"),
    )
    return Suite(RUNS, rules, "concat(run_id, ' ', stage)", "restore `runs` from a backup, or run the stages again")
