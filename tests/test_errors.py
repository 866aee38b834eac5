"""The error tree: its drawing is true, and each error brings its next step."""

import re

import pytest

from schemas import errors
from schemas.enums import DropReason
from schemas.errors import ConservationError, Drop, InputError, PipelineError


def drawn() -> dict[str, int]:
    return {name: int(code) for name, code in re.findall(r"(\w+Error)\s+(\d+)", str(errors.__doc__))}


def test_the_drawing_is_the_tree():
    tree = {
        name: kind.exit_code
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, PipelineError)
    }
    assert drawn() == tree


def test_codes_tell_kinds_apart():
    codes = [code for name, code in drawn().items() if name != "ConservationError"]
    assert sorted(codes) == [1, 2, 3, 4, 5, 6]
    assert issubclass(ConservationError, InputError)


@pytest.mark.parametrize(("step", "said"), [("look", "lost\n  next: look"), ("", "lost")])
def test_an_error_says_what_to_do(step: str, said: str):
    assert str(InputError("lost", step)) == said


def test_a_record_that_fails_is_no_pipeline_error():
    drop = Drop(DropReason.MISSING_MEDIA, "no file")
    assert (str(drop), drop.reason, drop.detail) == ("missing_media: no file", DropReason.MISSING_MEDIA, "no file")
    assert not isinstance(drop, PipelineError)
