"""The error tree. Each error names the place, the value found, what was allowed and the next step.

PipelineError                 1   unexpected
├── ConfigError               2   usage or configuration: key, value, profile, unknown source
├── GateError                 3   an expectation failed; nothing was published
├── InputError                4   a file or folder is missing or unreadable
│   └── ConservationError     4   records do not add up to samples plus rejects
├── EngineError               5   the engine or its host cannot serve
└── BudgetError               6   the budget was reached before the work was done

A record that fails is no error but a row: row code raises `Drop`, which one place turns into a reject.
"""

from schemas.enums import DropReason


class PipelineError(Exception):
    """Root of the tree; `next_step` is one sentence that says what to do."""

    exit_code = 1

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.next_step = next_step

    def __str__(self) -> str:
        message = str(self.args[0])
        return f"{message}\n  next: {self.next_step}" if self.next_step else message


class ConfigError(PipelineError):
    """A value given by the user is not allowed."""

    exit_code = 2


class GateError(PipelineError):
    """A gate failed, so the previous release stands."""

    exit_code = 3


class InputError(PipelineError):
    """Source files are missing, unreadable or not what they say they are."""

    exit_code = 4


class ConservationError(InputError):
    """A stage lost or invented rows."""


class EngineError(PipelineError):
    """The engine host could not start, died or cannot be reached."""

    exit_code = 5


class BudgetError(PipelineError):
    """The budget ended before the work did; a re-run with a larger budget goes on from here."""

    exit_code = 6


class Drop(Exception):  # noqa: N818 - a verdict on one record, not a program error
    """One record cannot become a sample; caught by `udfs.adapters.adapt` only."""

    def __init__(self, reason: DropReason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail
