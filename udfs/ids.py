"""Content hashes: length-prefixed fields, so that NULLs count and nothing collides."""

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence

from udfs.sample import Evidence, Turn


def clean(text: str) -> str:
    """NFC, lone surrogates replaced, NUL removed: the only form in which text enters ids and tables."""
    if text.isascii():
        return text.replace("\0", "")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return unicodedata.normalize("NFC", text).replace("\0", "")


def field(value: str | None) -> str:
    """One field: `-;` for NULL, else its length in UTF-8 bytes, a colon, the text and a semicolon."""
    return "-;" if value is None else f"{len(value.encode())}:{value};"


def fields(values: Sequence[str | None]) -> str:
    """A list of fields behind its own length."""
    return f"{len(values)}[{''.join(field(value) for value in values)}]"


def digest(parts: Iterable[str]) -> str:
    """sha256 of encoded fields, hex."""
    return hashlib.sha256("".join(parts).encode()).hexdigest()


def content_id(media: Sequence[str], turns: Sequence[Turn], evidence: Evidence | None, gold: str | None) -> str:
    """What a sample says and shows, wherever it came from."""
    flat = [item for turn in turns for item in (turn.role.value, turn.text)]
    proof = [None, None] if evidence is None else [evidence.kind, evidence.text]
    return digest([fields(list(media)), fields(flat), fields(proof), field(gold)])


def sample_id(source_id: str, content: str) -> str:
    """One content in one source."""
    return digest([field(source_id), field(content)])


def pair_id(media: Sequence[str], instruction: str, response: str) -> str:
    """One instruction with its response about these media."""
    return digest([fields(list(media)), field(instruction), field(response)])


def judge_id(prompt_version: str, model: str, revision: str, sampling: str) -> str:
    """One judge as configured."""
    return digest([field(prompt_version), field(model), field(revision), field(sampling)])


def bucket_of(media_id: str, buckets: int) -> int:
    """The bucket that a picture is stored in; SQL computes the same from the id."""
    return int(media_id[:8], 16) % buckets
