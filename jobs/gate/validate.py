"""Great Expectations over the numbers: a suite for each table, and nothing passes because nothing was looked at."""

import os
import warnings
from collections.abc import Mapping
from typing import Any

from jobs.gate.subject import Counted, Numbers, Outcome, outcome_of
from schemas.expectations import NO_END, Suite

NOTHING = Counted(None)


def validate(suites: Mapping[str, Suite], numbers: Numbers) -> list[Outcome]:
    """An outcome for every rule of every suite; a rule without a number, or that nobody judged, has failed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its own imports and settings; what it finds comes back as results
        context = _context()
        source = context.data_sources.add_pandas("gate")
        return [outcome for suite in suites.values() for outcome in _validate(context, source, suite, numbers)]


def load_library() -> None:
    """Imports Great Expectations, which takes seconds: a gate does it while Spark counts."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations.expectations.core  # noqa: F401


def _context() -> Any:  # noqa: ANN401 - Great Expectations' own
    load_library()
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    return context


def _validate(context: Any, source: Any, suite: Suite, numbers: Numbers) -> list[Outcome]:  # noqa: ANN401 - as above
    import great_expectations as gx
    import pandas as pd

    name = suite.table.name
    counted = {rule.name: numbers.get((name, rule.name), NOTHING) for rule in suite.rules}
    wanted = _expectations(suite)
    held = context.suites.add(gx.ExpectationSuite(name=name, expectations=wanted))
    whole = source.add_dataframe_asset(name=name).add_batch_definition_whole_dataframe("all")
    definition = context.validation_definitions.add(gx.ValidationDefinition(name=name, data=whole, suite=held))
    # One row of numbers: Spark has made them, and pandas holds nothing that could be persisted.
    row = pd.DataFrame({rule: [number.value] for rule, number in counted.items()}, dtype="float64")
    results = definition.run(batch_parameters={"dataframe": row}, result_format="BASIC").results
    of = {result.expectation_config.kwargs.get("column"): result for result in results}
    outcomes = [
        outcome_of(name, rule, _held(of.get(rule.name)), counted[rule.name], suite.next_step) for rule in suite.rules
    ]
    whole_row = [result.success for result in results if "column" not in result.expectation_config.kwargs]
    if len(results) != len(wanted) or whole_row != [True, True]:
        outcomes.append(Outcome(f"{name}.looked_at", False, f"{len(results)} results", f"{len(wanted)}", table=name))
    return outcomes


def _expectations(suite: Suite) -> list[Any]:
    from great_expectations.expectations import core

    expect: Any = core
    return [
        expect.ExpectTableRowCountToEqual(value=1),
        expect.ExpectTableColumnsToMatchSet(column_set=[rule.name for rule in suite.rules], exact_match=True),
        *(
            expect.ExpectColumnMaxToBeBetween(
                column=rule.name, min_value=rule.low, max_value=None if rule.high == NO_END else rule.high
            )
            for rule in suite.rules
        ),
    ]


def _held(result: Any) -> bool:  # noqa: ANN401 - as above
    return result is not None and result.success is True and result.result.get("observed_value") is not None
