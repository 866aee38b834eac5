"""One record of a source and the sample that it becomes: the user's own, or one made from what the catalogue says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jobs.look import Row, Seen, become, look
from jobs.normalise.plan import Plan, plan_sources
from schemas.config import Config, MediaMode
from schemas.enums import MediaStatus, Modality
from schemas.errors import InputError
from schemas.source import Source
from udfs.adapters.adapt import adapt
from udfs.adapters.recognise import declared_family
from udfs.assemble import sample_row
from udfs.sample import Draft, Origin, Record

LOOKED_AT = 20
"""Records among which the first one that becomes a sample is shown."""
TEXT = "..."
PICTURE, CLIP = "example.jpg", "example.mp4"
INVENTED: Mapping[str, Any] = {
    "id": "example", "question_id": 1, "image_id": 1, "imageId": "1", "video_id": "example", "videoID": "example",
    "question_index": 0, "image_index": 1, "key": "example", "url": "", "qid": 1, "video_idx": "example",
    "question": "What colour is the door?", "query": "What colour is the door?", "q": "What colour is the door?",
    "problem": "What is 6 times 7?", "question_string": "What colour is the door?",
    "instruction": "Describe the door.", "task": "Describe the door.", "text": "What colour is the door?",
    "answer": "red", "answers": ["red", "red", "dark red"], "a": "red", "response": "The door is red.",
    "output": "The door is red.", "outputs": "The door is red.", "solution": "6 times 7 is 42.", "label": "A",
    "options": ["red", "blue"], "option": ["red", "blue"], "choices": ["red", "blue"], "inputs": "",
    "rationale": "The door stands in the middle; its paint is red.", "caption": "A red door in a white wall.",
    "caption_reference_description": "A red door in a white wall.",
    "questions": ["What colour is the door?"], "split": "train",
    "qa": [{"question": "What colour is the door?", "answer": "red"}],
    "qas": [{"question": "What colour is the door?", "answer": "red"}],
    "texts": [{"user": "What colour is the door?", "assistant": "Red."}],
    "ground_truth": [{"full_answer": "The door is red."}],
    "image": PICTURE, "images": [PICTURE], "video": CLIP, "image_filename": PICTURE, "image_ids": [PICTURE],
    "link": PICTURE, "image_url": PICTURE,
}  # fmt: skip
"""Values of fields by their usual names."""
SAID = {
    Modality.IMAGE: "<image>\nWhat colour is the door?",
    Modality.MULTI_IMAGE: "<image> <image>\nWhat differs?",
    Modality.VIDEO: "<image>\nWhat happens?",
    Modality.TEXT: "What is 6 times 7?",
}


@dataclass(frozen=True)
class Example:
    """A record, and the sample that it becomes; with a reject beside it, the sample lacks its media."""

    kind: str
    """`files`: the user's own; `made`: the catalogue's fields with invented values; `none`."""
    note: str
    """Where it comes from, or why there is none."""
    record: Mapping[str, Any] | None = None
    sample: Row | None = None
    reject: Row | None = None


def example_of(source: Source, config: Config) -> Example:
    """The first record of the user's files that becomes a sample, else the first one, else a made one."""
    try:
        plan = plan_sources([source], config.storage)
        seen = list(look(source, plan, config, LOOKED_AT, whole=False))
    except InputError as error:
        return _made(source, str(error.args[0]))
    if not seen:
        return _made(source, "its files hold no record of this source")
    best = next((one for one in seen if one.sample), seen[0])
    note = f"{best.record.origin.file}, record {best.record.origin.position}, read as {plan.families[source.source_id]}"
    sample = best.sample or _blind(best, source, plan, config)
    return Example("files", note, shown(best.record.value), shown(sample), shown(best.reject))


def _blind(seen: Seen, source: Source, plan: Plan, config: Config) -> Row | None:
    """What the record would be if its media were there."""
    media = config.media.model_copy(update={"mode": MediaMode.SKIP})
    blind = config.model_copy(update={"media": media})
    return become(seen.record, source, plan, blind).sample


def _made(source: Source, why: str) -> Example:
    family = declared_family(source)
    if family is None or family.joiner or source.reading is None or source.reading.adapter:
        return Example("none", why)
    names = dict.fromkeys([*source.columns, *(sorted(family.shapes[0].keys) if not source.columns else ())])
    value = {name: _invented(name, source) for name in names}
    for part, field in (("question", "question"), ("answer", "answer"), ("options", "options"), ("media", "image")):
        for path in getattr(source.reading.fields, part)[:1]:
            _put(value, path.split("."), INVENTED[field])
    record = Record(value, Origin("example.json", 0))
    found = adapt(record, source, family)
    if not isinstance(found, Draft):
        return Example("none", why)
    names_of = [ref.absent for ref in found.media]
    status = MediaStatus.ABSENT if found.media else MediaStatus.NONE
    sample = sample_row(record, source, found, names_of, status)
    return Example("made", f"a made record: the catalogue's fields, invented values ({why})", value, shown(sample))


def _invented(name: str, source: Source) -> Any:  # noqa: ANN401 - whatever JSON holds
    if name in ("conversations", "messages", "conversation"):
        return [{"from": "human", "value": SAID[source.modality]}, {"from": "gpt", "value": "..."}]
    if name == "image" and source.modality is Modality.MULTI_IMAGE:
        return ["example_1.jpg", "example_2.jpg"]
    if name == "image" and source.modality is Modality.TEXT:
        return None
    return INVENTED.get(name, TEXT)


def _put(tree: dict[str, Any], path: list[str], value: object) -> None:
    *above, last = path
    for step in above:
        if not isinstance(tree.get(step), dict):
            tree[step] = {}
        tree = tree[step]
    tree[last] = value


def shown(value: Any) -> Any:  # noqa: ANN401 - whatever a record holds
    """A value for people: bytes as their number, so that JSON can hold it."""
    if isinstance(value, bytes):
        return f"<{len(value):,} bytes>"
    if isinstance(value, Mapping):
        return {str(key): shown(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [shown(item) for item in value]
    return value
