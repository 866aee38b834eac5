"""Configuration: profiles, file and settings in this order, and errors that name key, value and what is allowed."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from jobs.report.paper import paper as figures
from schemas.config import Config, Profile, load_config
from schemas.enums import Category, EngineKind, EngineRole
from schemas.errors import ConfigError


@pytest.mark.parametrize("profile", Profile)
def test_every_profile_is_whole(profile: Profile):
    config = load_config(profile, None, ["engine.revision=r1"])
    assert config.profile is profile
    assert set(config.rewriting.prompts) == set(Category)
    assert Config.model_validate(config.model_dump(mode="json")) == config


def test_a_profile_stands_on_its_base():
    paper, cluster = load_config(Profile.PAPER), load_config(Profile.CLUSTER)
    assert (paper.benchmarks, cluster.benchmarks) == (True, False)
    assert (paper.spending, paper.rewriting.prompts) == (cluster.spending, cluster.rewriting.prompts)
    assert paper.gate.model_copy(update={"category_bands": {}, "min_drop_rate": 0.0}) == cluster.gate
    assert 0 < paper.gate.min_drop_rate < min(pairs.dropped for pairs in figures().filtering.values())
    shares = figures().category_shares
    assert set(paper.gate.category_bands) == set(Category)
    for category, (low, high) in paper.gate.category_bands.items():
        assert (round(shares[category] - 0.02, 6), round(shares[category] + 0.02, 6)) == (low, high), category
    assert {engine.model.partition("/")[2] for engine in paper.engines} == {
        "InternVL2-Llama3-76B", "Meta-Llama-3-70B-Instruct",
    }  # fmt: skip
    assert round(sum(paper.publishing.category_shares.values()), 6) == 1


def test_later_wins(tmp_path: Path):
    file = tmp_path / "own.yaml"
    file.write_text("gate: {min_rows: 7, decode_sample: 3}\nspark: {master: 'local[1]'}\n")
    config = load_config(Profile.LAPTOP, file, ["gate.min_rows=9", "gate.min_rows=11"])
    assert (config.gate.min_rows, config.gate.decode_sample, config.spark.master) == (11, 3, "local[1]")
    assert config.spark.driver_memory == load_config(Profile.LAPTOP).spark.driver_memory


@pytest.mark.parametrize(
    ("setting", "found"),
    [
        ("engine.kind=stub", lambda c: c.engines[0].kind is EngineKind.STUB),
        ("engines.main.kind=stub", lambda c: c.engines[0].kind is EngineKind.STUB),
        ("engines.0.kind=stub", lambda c: c.engines[0].kind is EngineKind.STUB),
        ("engine.stub={latency_s: 0.5}", lambda c: c.engines[0].stub == {"latency_s": 0.5}),
        ("storage.root=s3://bucket/a=b", lambda c: c.storage.root == "s3://bucket/a=b"),
        ("rewriting.prompts.Chart=chart", lambda c: c.rewriting.prompts[Category.CHART] == "chart"),
        ("spending.max_calls=null", lambda c: c.spending.max_calls is None),
    ],
)
def test_a_setting_reaches_its_place(setting: str, found: Callable[[Config], bool]):
    assert found(load_config(Profile.LAPTOP, None, [setting]))


WRONG = {
    "unknown key": ("gate.min_row=1", ["gate.min_row", "(found 1)", "config show"]),
    "wrong type": ("gate.min_rows=many", ["gate.min_rows", "'many'", "integer"]),
    "out of bounds": ("judging.score_share=2", ["judging.score_share", "less than or equal to 1"]),
    "floor of no column": ("gate.filled={instuct.language: 0.9}", ["gate.filled", "'instuct.language'", "instruct"]),
    "floor of no share": ("gate.filled={samples.language: 9}", ["gate.filled", "less than or equal to 1"]),
    "band upside down": ("gate.mean_words=[90, 2]", ["gate.mean_words", "not from 90 to 2"]),
    "shares over one": ("publishing.category_shares={OCR: 0.6, Chart: 0.6}", ["category_shares", "add up to 1.2"]),
    "negative share": ("publishing.category_shares={OCR: -0.1}", ["category_shares.OCR", "or equal to 0"]),
    "enum": ("media.mode=maybe", ["media.mode", "'read' or 'skip'"]),
    "unknown engine of a judge": ("judging.judges=[{name: main, engine: gone}]", ["'gone'", "main"]),
    "unknown judge": ("publishing.judge=gone", ["publishing.judge", "'gone'", "main"]),
    "endpoint without revision": ("engine.kind=endpoint", ["kind endpoint needs base_url and revision"]),
    "value as section": ("storage.media_buckets.low=1", ["'media_buckets' is a value, not a section"]),
    "list entry": ("engines.main=x", ["'main' is an entry of a list"]),
    "unknown entry": ("engines.9.kind=stub", ["'9'", "main"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_setting_is_named(case: str):
    setting, words = WRONG[case]
    with pytest.raises(ConfigError) as caught:
        load_config(Profile.LAPTOP, None, [setting])
    assert [word for word in words if word not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [", ["is not YAML"]),
        ("- a", ["holds a list"]),
        ("sparc: {}", ["sparc"]),
        ("spark: 3", ["spark", "found 3"]),
    ],
)
def test_a_wrong_file_is_named(tmp_path: Path, text: str, words: list[str]):
    file = tmp_path / "own.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        load_config(Profile.LAPTOP, file)
    assert [word for word in words if word not in str(caught.value)] == []


def test_an_empty_file_changes_nothing(tmp_path: Path):
    file = tmp_path / "own.yaml"
    file.write_text("# nothing yet\n")
    assert load_config(Profile.LAPTOP, file) == load_config(Profile.LAPTOP)


def test_configuration_is_frozen():
    config = load_config(Profile.LAPTOP)
    with pytest.raises(ValidationError, match="frozen"):
        config.gate.min_rows = 3


def test_roles_find_their_engine():
    engines = (
        "[{name: seer, kind: stub, model: a, roles: [vision]}, {name: writer, kind: stub, model: b, roles: [text]}]"
    )
    judges = "judging.judges=[{name: main, engine: seer}]"
    config = load_config(Profile.LAPTOP, None, [f"engines={engines}", judges])
    found = {role: config.engine_for(role).name for role in EngineRole}
    assert found == {EngineRole.TEXT: "writer", EngineRole.VISION: "seer", EngineRole.JUDGE: "seer"}


def test_the_window_is_a_little_more_than_the_engine_takes():
    engine = load_config(Profile.LAPTOP, None, ["engine.max_num_seqs=64"]).engines[0]
    assert engine.window == 74
    assert load_config(Profile.LAPTOP, None, ["engine.max_num_seqs=1"]).engines[0].window == 2
