import base64
import hashlib
import json
import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.config import Sampling
from schemas.enums import Purpose, Role
from schemas.errors import InputError
from udfs import render
from udfs.prompts import load_prompts
from udfs.render import (
    LABEL_SAMPLING,
    CallFields,
    Target,
    call_key,
    render_judge,
    render_rewrite,
    render_score,
    sampling_json,
)
from udfs.render.fence import TAGS, cut, name_placeholders, neutralise
from udfs.request import Request
from udfs.sample import Evidence, Picture, Subject, Turn

PROMPTS = load_prompts()
SAMPLING = Sampling(max_tokens=256)
TEXT = Target("m", "r", SAMPLING, vision=False, max_model_len=2048)
VISION = Target("m", "r", SAMPLING, vision=True, max_pictures=4)


def picture(name: str) -> Picture:
    data = f"bytes of {name}".encode()
    return Picture(hashlib.sha256(data).hexdigest(), "jpeg", data)


def subject(
    question: str = "<image>\nHow many?",
    answer: str = "4",
    media: tuple[str, ...] = ("a",),
    **more: Evidence | str | None,
) -> Subject:
    turns = (Turn(Role.USER, question), Turn(Role.ASSISTANT, answer))
    return Subject("c", "s", "Chart", "image", media, turns, **more)


def said(request: Request) -> str:
    content = json.loads(request.body)["messages"][1]["content"]
    return content if isinstance(content, str) else content[-1]["text"]


def test_pictures_travel_as_data_urls_with_their_hash():
    request = render_rewrite(subject(), PROMPTS["chart"], VISION, {"a": [picture("a")]})
    image, text = json.loads(request.body)["messages"][1]["content"]
    kind, _, data = image["image_url"]["url"].partition(",")
    assert kind == "data:image/jpeg;base64"
    assert base64.b64decode(data) == b"bytes of a"
    assert image["uuid"] == hashlib.sha256(b"bytes of a").hexdigest() == request.pictures[0]
    assert (image["type"], text["type"], request.text_evidence) == ("image_url", "text", False)


def test_pictures_keep_the_order_of_their_placeholders():
    question = "Is (b) like this <image> or this <image>, or <image>?"
    request = render_rewrite(
        subject(question, media=("b", "a", "b")), PROMPTS["multi_image"], VISION, {n: [picture(n)] for n in "ab"}
    )
    assert request.pictures == tuple(picture(name).sha256 for name in "bab")
    assert "this (image 1) or this (image 2), or (image 3)?" in said(request)
    assert "Pictures in order: image 1, image 2, image 3." in said(request)


def test_a_video_travels_as_evenly_sampled_frames():
    frames = [picture(f"f{k}") for k in range(10)]
    request = render_rewrite(subject("<video>\nWhat next?"), PROMPTS["video"], VISION, {"a": frames})
    assert request.pictures == tuple(frames[k].sha256 for k in (0, 3, 6, 9))
    assert "4 x video 1" in said(request)


@given(st.integers(1, 40), st.integers(1, 12))
def test_never_more_pictures_than_allowed(parts: int, limit: int):
    frames = [picture(str(k)) for k in range(parts)]
    request = render_judge(
        subject("<video>\nWhat?"), PROMPTS["judge"], replace(VISION, max_pictures=limit), {"a": frames}
    )
    content = json.loads(request.body)["messages"][1]["content"]
    assert sum(part["type"] == "image_url" for part in content) == min(parts, limit) == len(request.pictures)
    assert request.pictures[0] == frames[0].sha256


def test_a_missing_picture_is_an_error():
    with pytest.raises(InputError, match="medium b"):
        render_rewrite(subject("<image><image>?", media=("a", "b")), PROMPTS["chart"], VISION, {"a": [picture("a")]})


def test_a_wrong_number_of_pictures_never_leaves_the_process(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(render, "_show", lambda *_: render._Shown((picture("a"),) * 2, ""))
    with pytest.raises(AssertionError, match="2 pictures rendered of 1"):
        render_rewrite(subject(), PROMPTS["chart"], VISION, {"a": [picture("a")]})


def test_without_vision_evidence_stands_in_and_the_request_says_so():
    given_text = subject(evidence=Evidence("table", "year | sum\n1999 | 4"))
    request = render_rewrite(given_text, PROMPTS["rationale"], TEXT, {})
    assert "What the picture shows, as text (table):\n<evidence>\nyear | sum\n1999 | 4\n</evidence>" in said(request)
    assert (request.text_evidence, request.pictures) == (True, ())
    bare = render_rewrite(subject(), PROMPTS["rationale"], TEXT, {})
    assert "not at hand" in said(bare)
    assert bare.text_evidence


def test_with_vision_only_context_joins_the_picture():
    for kind, joins in (("table", False), ("context", True)):
        request = render_rewrite(
            subject(evidence=Evidence(kind, "EVIDENCE")), PROMPTS["chart"], VISION, {"a": [picture("a")]}
        )
        assert ("EVIDENCE" in said(request)) is joins


def test_a_text_subject_shows_nothing_and_lacks_nothing():
    request = render_rewrite(subject("Why?", media=()), PROMPTS["language"], VISION, {})
    assert request.text_evidence is False
    assert "not at hand" not in said(request)


def test_the_known_answer_is_told_to_rewriting_only():
    known = subject(answer="The sum is four.", gold_answer="4.0")
    assert "<known_answer>\n4.0\n" in said(render_rewrite(known, PROMPTS["math"], TEXT, {}))
    assert "known_answer" not in said(render_judge(known, PROMPTS["judge"], TEXT, {}))


@pytest.mark.parametrize("target", [TEXT, VISION])
def test_judge_and_scores_share_every_byte_up_to_the_task(target: Target):
    pictures = {"a": [picture("a")]}
    it = subject(evidence=Evidence("table", "t"))
    bodies = [
        json.loads(request.body)
        for request in (
            render_judge(it, PROMPTS["judge"], target, pictures),
            render_score(it, PROMPTS["score_content"], target, pictures),
            render_score(it, PROMPTS["score_relevance"], target, pictures),
            render_rewrite(it, PROMPTS["general_qa"], target, pictures),
        )
    ]
    begun = []
    for body, name in zip(bodies, ("judge", "score_content", "score_relevance", "general_qa"), strict=True):
        text = json.dumps(body["messages"], ensure_ascii=False)
        task = json.dumps(PROMPTS[name].task, ensure_ascii=False)[1:-1]
        begun.append(text[: text.index(task)])
        assert not text[text.index(task) + len(task) :].strip('"}] ')
    assert len(set(begun)) == 1
    assert "How many?" in begun[0]


def test_labels_ask_for_one_token():
    request = render_judge(subject(), PROMPTS["judge"], TEXT, {})
    body = json.loads(request.body)
    assert (body["max_tokens"], body["temperature"], body["logprobs"]) == (1, 0.0, True)
    assert request.labels == ("Yes", "No")
    assert "seed" not in body
    assert "logprobs" not in json.loads(render_rewrite(subject(), PROMPTS["math"], TEXT, {}).body)


def test_the_request_hash_covers_text_and_picture_hashes():
    pictures = {"a": [picture("a")]}
    first = render_rewrite(subject(), PROMPTS["chart"], VISION, pictures)
    assert render_rewrite(subject(), PROMPTS["chart"], VISION, pictures).request_hash == first.request_hash
    others = (
        render_rewrite(subject("<image>\nHow few?"), PROMPTS["chart"], VISION, pictures),
        render_rewrite(subject(), PROMPTS["chart"], VISION, {"a": [picture("b")]}),
        render_rewrite(subject(), PROMPTS["chart"], replace(VISION, model="n"), pictures),
    )
    assert len({first.request_hash, *(other.request_hash for other in others)}) == 4
    encoded = base64.b64encode(b"bytes of a").decode().encode()
    url = b"data:image/jpeg;base64," + encoded
    assert hashlib.sha256(first.body.replace(url, first.pictures[0].encode())).hexdigest() == first.request_hash


def test_call_keys_are_what_sql_computes():
    fields = CallFields(Purpose.JUDGE, "c", "p", "1", "text", "m", "é", sampling_json(LABEL_SAMPLING, ("Yes", "No")))
    texts = ["judge", "c", "p", "1", "text", "m", "é", fields.sampling]
    joined = "".join(f"{len(text.encode())}:{text};" for text in texts)
    assert call_key(fields) == hashlib.sha256(joined.encode()).hexdigest()
    request = render_judge(subject(media=()), PROMPTS["judge"], TEXT, {})
    assert request.call_key == call_key(
        CallFields(
            Purpose.JUDGE,
            "c",
            PROMPTS["judge"].version,
            "1",
            "text",
            "m",
            "r",
            sampling_json(LABEL_SAMPLING, ("Yes", "No")),
        )
    )


def test_every_field_moves_the_call_key():
    base = CallFields(Purpose.SCORE, "c", "p", "1", "text", "m", "r", "{}")
    keys = {call_key(replace(base, **{name: "other"})) for name in base.__slots__ if name != "purpose"}
    assert len(keys | {call_key(base), call_key(replace(base, purpose=Purpose.JUDGE))}) == 9
    assert call_key(replace(base, model="mr", revision="")) != call_key(base)


def test_sampling_is_canonical():
    assert sampling_json(Sampling(max_tokens=9, temperature=0)) == (
        '{"labels":[],"max_tokens":9,"repetition_penalty":1.0,"temperature":0.0,"top_p":1.0}'
    )


def test_recipes_name_pictures_only_where_they_travel():
    assert (TEXT.recipe(True), VISION.recipe(False), VISION.recipe(True)) == ("text", "text", "standard/4")


HOSTILE = st.lists(
    st.sampled_from(
        [
            "</question>",
            "< / QUESTION >",
            "</answer>",
            "<evidence>",
            "</evidence >",
            "</known_answer>",
            "<|im_end|>",
            "<",
            ">",
            "<|im_start|>",
            "<|endoftext|>",
            "<image>",
            "<video>",
            "[INST]",
            "[/INST]",
            "<s>",
            "</s>",
            "<<SYS>>",
            "/",
            "|",
            "\n",
            "<|vision_start|>",
            "<|image_pad|>",
            "question",
            "answer",
            "im_end",
            "<start_of_turn>",
            "a",
            "[",
            "]",
            "IMG",
            " ",
        ]
    ),
    max_size=25,
).map("".join)
CONTROL = re.compile(r"<\||\|>|\[/?INST\]|<</?SYS|</?s>|<(image|video)>|<start_of_turn>|\[IMG\]")


@given(HOSTILE, HOSTILE, HOSTILE)
def test_source_text_cannot_close_its_fence_or_write_control_tokens(question: str, answer: str, evidence: str):
    it = subject(question, answer, evidence=Evidence("ocr", evidence), gold_answer=evidence)
    text = said(render_rewrite(it, PROMPTS["rationale"], TEXT, {}))
    for tag in TAGS:
        opened, closed = text.lower().count(f"<{tag}>"), text.lower().count(f"</{tag}>")
        assert opened == closed <= 1
        assert len(re.findall(rf"<\s*/?\s*{tag}\s*>", text, re.IGNORECASE)) == opened + closed
    assert not CONTROL.search(text)


def test_ordinary_text_is_left_as_it_is():
    text = "if a < b and [x] > 3: print('<b>bold</b>') # 5 | 6 <= 7, List<Images>"
    assert neutralise(text) == text
    assert name_placeholders(["<image>\nWhat?", "red"]) == ["What?", "red"]


@given(st.text(max_size=300), st.integers(10, 200))
def test_a_cut_keeps_both_ends_and_says_how_much_is_gone(text: str, limit: int):
    short = cut(text, limit)
    if len(text) <= limit:
        assert short == text
    else:
        assert f"{len(text) - limit} characters left out" in short
        assert text.startswith(short.partition("\n[... ")[0][:5])
        assert len(short) <= limit + 60


def test_long_evidence_fits_the_context():
    long = subject(evidence=Evidence("context", "word " * 20_000))
    text = said(render_rewrite(long, PROMPTS["rationale"], TEXT, {}))
    assert len(text) < (2048 - 256) * 4
    assert "characters left out" in text
    assert text.endswith(PROMPTS["rationale"].task)
