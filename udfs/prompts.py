"""Prompt templates: YAML files, validated, versioned by the hash of their content."""

import json
from collections.abc import Mapping
from enum import StrEnum
from functools import cache, cached_property
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Self

import yaml
from pydantic import Field, ValidationError, model_validator

from schemas.enums import Purpose
from schemas.errors import ConfigError
from schemas.source import Strict

VARIABLES = {"pair_num", "task_types"}
"""What `user` may name; source text never enters a template, see `udfs.render`."""


class Parser(StrEnum):
    """How a reply to the prompt reads."""

    SINGLE = "single"
    PAIRS = "pairs"
    DIALOGUE = "dialogue"
    LABEL = "label"


class Prompt(Strict):
    """One template; every field is part of its version."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    purpose: Purpose
    about: str = Field(description="one sentence for people; part of the version like everything else")
    system: str = Field(description="the same bytes in every packaged prompt, so that the engine's cache serves them")
    user: str = Field(description="what to do; stands last, after pictures and data; $pair_num and $task_types")
    example: str | None = Field(None, description="a worked example, appended to `user`")
    parser: Parser
    pair_num: int = Field(1, ge=1, le=10, description="pairs asked for, or the most rounds of a dialogue")
    task_types: tuple[str, ...] = ()
    keeps_question: bool = Field(False, description="the last answer is replaced and everything else kept")
    keeps_gold: bool = Field(False, description="the source's own answer must survive")
    labels: tuple[str, ...] = Field((), description="answers whose probabilities are read off the first token")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        template = Template(self.user)
        if not template.is_valid() or not set(template.get_identifiers()) <= VARIABLES:
            raise ValueError(f"user: write $$ for a dollar sign; variables: {sorted(VARIABLES)}")
        if (self.parser is Parser.SINGLE) != self.keeps_question:
            raise ValueError("keeps_question goes with parser single, and only with it")
        if (self.parser is Parser.LABEL) != bool(self.labels):
            raise ValueError("labels go with parser label, and only with it")
        if (self.purpose is Purpose.REWRITE) == (self.parser is Parser.LABEL):
            raise ValueError("parser label goes with the purposes judge and score, and only with them")
        return self

    @cached_property
    def text(self) -> str:
        """The template as canonical JSON: what the table `prompts` keeps, and what `version` hashes."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @cached_property
    def version(self) -> str:
        """sha256 of `text`, hex."""
        return sha256(self.text.encode()).hexdigest()

    @cached_property
    def task(self) -> str:
        """The instruction as sent."""
        told = Template(self.user).substitute(pair_num=self.pair_num, task_types=", ".join(self.task_types))
        return told.strip() if self.example is None else f"{told.strip()}\n\n{self.example.strip()}"


def _read(name: str, text: str) -> Prompt:
    try:
        prompt = Prompt.model_validate(yaml.safe_load(text))
    except (ValidationError, yaml.YAMLError) as error:
        raise ConfigError(
            f"prompt file {name} is not a prompt: {error}",
            "compare it with a packaged file, e.g. prompts/general_qa.yaml",
        ) from error
    if prompt.name != Path(name).stem:
        raise ConfigError(f"prompt file {name} calls itself {prompt.name!r}", "give file and `name:` the same name")
    return prompt


@cache
def _packaged() -> Mapping[str, Prompt]:
    entries = [entry for entry in files("prompts").iterdir() if entry.name.endswith(".yaml")]
    prompts = [_read(entry.name, entry.read_text("utf-8")) for entry in sorted(entries, key=lambda entry: entry.name)]
    return {prompt.name: prompt for prompt in prompts}


def load_prompts(overlay: Path | None = None) -> Mapping[str, Prompt]:
    """The packaged prompts by name, with the files of `overlay` added or put in place of packaged ones."""
    prompts = dict(_packaged())
    if overlay is None:
        return prompts
    if not overlay.is_dir():
        raise ConfigError(f"prompt folder {overlay} does not exist", "give --prompts an existing folder of YAML files")
    for path in sorted(overlay.glob("*.yaml")):
        try:
            text = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"prompt file {path} cannot be read: {error}", "save it as UTF-8 text") from error
        prompts[path.stem] = _read(str(path), text)
    return prompts
