"""Label tokens: found, asked for, summed."""

import asyncio
import json
import math

import pytest

from udfs.engine.labels import LABELS, TokenLogprob, find_ids, label_body, probabilities

BODY = json.dumps({"model": "m", "messages": [{"role": "user", "content": "é?"}], "max_tokens": 99}).encode()


def test_only_single_tokens_count():
    async def tokenize(text: str) -> list[int]:
        return [len(text), ord(text[0])] if text.isupper() else [hash(text) % 1000]

    ids = asyncio.run(find_ids(tokenize))
    assert set(ids) == set(LABELS)
    assert ids["Yes"] == sorted({hash(text) % 1000 for text in ("Yes", "yes", " Yes", " yes")})


def test_no_tokenizer_no_ids():
    async def tokenize(_: str) -> None:
        return None

    assert asyncio.run(find_ids(tokenize)) == {}


def test_the_request_becomes_one_token_at_temperature_zero():
    body = json.loads(label_body(BODY, ("Yes", "No"), {"Yes": [1, 2], "No": [3], "1": [4]}))
    assert body["messages"] == [{"role": "user", "content": "é?"}]
    assert (body["max_tokens"], body["temperature"], body["logprobs"]) == (1, 0, True)
    assert body["logprob_token_ids"] == [1, 2, 3]
    assert "top_logprobs" not in body


@pytest.mark.parametrize("ids", [{}, {"Yes": [1], "No": []}])
def test_without_ids_the_best_twenty_must_do(ids: dict[str, list[int]]):
    body = json.loads(label_body(BODY, ("Yes", "No"), ids))
    assert body["top_logprobs"] == 20
    assert "logprob_token_ids" not in body


def test_spellings_are_summed_and_others_are_not():
    said = {"Yes": 0.3, " yes": 0.2, "NO": 0.1, "Yesterday": 0.2, "": 0.1}
    found = probabilities([TokenLogprob(token, math.log(p)) for token, p in said.items()], ("Yes", "No"))
    assert found == pytest.approx({"Yes": 0.5, "No": 0.1})
