from pathlib import Path

import pytest
import yaml

from schemas.config import Profile, load_config
from schemas.enums import Purpose
from schemas.errors import ConfigError
from udfs.prompts import Parser, load_prompts

PROMPTS = load_prompts()
MINE = {"name": "mine", "purpose": "rewrite", "about": "x", "system": "s", "user": "u", "parser": "pairs"}


def write(folder: Path, stem: str = "mine", **changes: object) -> Path:
    (folder / f"{stem}.yaml").write_text(yaml.safe_dump({**MINE, **changes}), "utf-8")
    return folder


def test_packaged_prompts_share_one_system_text():
    assert len({prompt.system for prompt in PROMPTS.values()}) == 1


@pytest.mark.parametrize("profile", list(Profile))
def test_every_prompt_that_a_profile_names_exists(profile: Profile):
    config = load_config(profile)
    named = {*config.rewriting.prompts.values(), *(judge.prompt for judge in config.judging.judges)}
    assert named | set(config.judging.score_prompts) <= PROMPTS.keys()


def test_labels_belong_to_judge_and_scores():
    labels = {prompt.name: prompt.labels for prompt in PROMPTS.values() if prompt.parser is Parser.LABEL}
    assert labels == {"judge": ("Yes", "No"), "score_content": tuple("12345"), "score_relevance": tuple("12345")}
    assert all((PROMPTS[name].purpose is not Purpose.REWRITE) for name in labels)


def test_variables_are_filled_in():
    for prompt in PROMPTS.values():
        assert "$" not in prompt.task.replace("$$", "")
    assert "at least 3" in PROMPTS["chart"].task
    assert "data analysis, information seeking" in PROMPTS["chart"].task


def test_the_version_follows_the_content_not_its_spelling(tmp_path: Path):
    first = load_prompts(write(tmp_path))["mine"]
    (tmp_path / "mine.yaml").write_text("# said twice\n" + yaml.safe_dump(dict(reversed(MINE.items()))), "utf-8")
    assert load_prompts(tmp_path)["mine"].version == first.version
    for changes in ({"user": "u."}, {"system": "t"}, {"pair_num": 2}, {"keeps_gold": True}, {"example": "e"}):
        assert load_prompts(write(tmp_path, **changes))["mine"].version != first.version


def test_a_version_is_pinned(tmp_path: Path):
    assert load_prompts(write(tmp_path))["mine"].version == (
        "277bfebceae90df76bb8bea30734a95fdae306a467c2732baf1838f56a3da943"
    )


def test_an_overlay_replaces_and_adds(tmp_path: Path):
    write(tmp_path)
    write(tmp_path, "chart", name="chart")
    prompts = load_prompts(tmp_path)
    assert (prompts["chart"].user, prompts["mine"].user) == ("u", "u")
    assert prompts.keys() == PROMPTS.keys() | {"mine"}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"user": "give $anwser"}, "pair_num"),
        ({"user": "costs $ 5"}, "dollar"),
        ({"parser": "free"}, "parser"),
        ({"colour": 1}, "colour"),
        ({"name": "other"}, "same name"),
        ({"pair_num": 0}, "pair_num"),
        ({"parser": "single"}, "keeps_question"),
        ({"parser": "label", "labels": ["Yes"]}, "purposes judge"),
        ({"purpose": "judge"}, "purposes judge"),
        ({"labels": ["Yes"]}, "labels"),
    ],
)
def test_a_broken_file_is_named_with_what_is_allowed(tmp_path: Path, changes: dict[str, object], said: str):
    with pytest.raises(ConfigError, match=said) as caught:
        load_prompts(write(tmp_path, **changes))
    assert "mine.yaml" in str(caught.value)
    assert caught.value.next_step


@pytest.mark.parametrize("content", [b"user: [", b"- a\n- b", b"", b"\xff\xfe"])
def test_what_is_no_yaml_mapping_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "mine.yaml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"mine\.yaml"):
        load_prompts(tmp_path)


def test_a_missing_folder_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="does not exist"):
        load_prompts(tmp_path / "nowhere")
