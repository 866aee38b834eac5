"""Records that are broken on purpose, as the files of each source hold them."""

from collections.abc import Mapping, Sequence
from typing import Any

from jobs.corpus.item import Defect, File
from schemas.enums import DropReason


def _asked(picture: object, *said: tuple[str, object], key: str = "image") -> Mapping[str, Any]:
    return {"id": "planted", key: picture, "conversations": [{"from": who, "value": text} for who, text in said]}


_PAIR = (("human", "<image>\nWhat is shown here?"), ("gpt", "A landscape."))
_GARBAGE = File("broken.jpg", b"\xff\xd8\xff\xe0 this file was cut off and filled with text")

DEFECTS: Mapping[str, Sequence[Defect]] = {
    "demo_photographs": (
        Defect("missing image file", DropReason.MISSING_MEDIA, _asked("images/nowhere.jpg", *_PAIR)),
        Defect("image that does not decode", DropReason.UNDECODABLE_MEDIA, _asked("images/broken.jpg", *_PAIR),
               files=(_GARBAGE,)),
        Defect("path that leaves the media root", DropReason.MEDIA_OUTSIDE_ROOT,
               _asked("../../../elsewhere/secret.jpg", *_PAIR)),
        Defect("exact duplicate", DropReason.DUPLICATE, twin_of=0),
    ),
    "demo_descriptions": (
        Defect("malformed line", DropReason.MALFORMED, '{"id": "planted", "image": "images/china.jpg", "conv'),
        Defect("malformed line", DropReason.MALFORMED, "this line is no JSON at all"),
        Defect("unknown role", DropReason.UNKNOWN_ROLE,
               _asked("images/china.jpg", ("human", "<image>\nWhat is it?"), ("narrator", "A pavilion by a lake."))),
        Defect("empty conversation", DropReason.EMPTY_CONVERSATION, _asked("images/china.jpg")),
        Defect("more placeholders than images", DropReason.PLACEHOLDER_MISMATCH,
               _asked("images/china.jpg", ("human", "<image>\n<image>\nCompare the two."), ("gpt", "They differ."))),
    ),
    "demo_photo_questions": (
        Defect("annotation without its question", DropReason.ORPHAN_ANNOTATION,
               {"image_id": 999, "question_id": 999001, "multiple_choice_answer": "yes", "answers": []},
               side="annotations"),
        Defect("question without its annotation", DropReason.ORPHAN_QUESTION,
               {"image_id": 998, "question_id": 998001, "question": "Is anybody there?"}, side="questions"),
    ),
    "demo_captions": (
        Defect("caption without its image", DropReason.ORPHAN_ANNOTATION,
               {"id": 99990, "image_id": 9999, "caption": "A picture that nobody kept."}, side="annotations"),
    ),
    "demo_charts": (
        Defect("image that does not decode", DropReason.UNDECODABLE_MEDIA,
               {**_asked({"bytes": b"no picture at all", "path": "x.png"}, *_PAIR), "data_source": "demo_charts"}),
        Defect("answer that is missing", DropReason.NO_ANSWER, _asked(None, ("human", "Which bar is the tallest?"))),
        Defect("exact duplicate", DropReason.DUPLICATE, twin_of=3),
    ),
    "demo_receipts": (
        Defect("image given as an address", DropReason.MEDIA_IS_URL,
               {"id": "planted", "image": "https://example.org/1.png", "question": "What is due?", "answer": "7.50"}),
    ),
    "demo_problems": (
        Defect("answer that is missing", DropReason.NO_ANSWER,
               {"id": "planted", "image": "images/g000.png", "question": "What is the area?", "answer": None}),
    ),
    "demo_reports": (
        Defect("malformed line", DropReason.MALFORMED, '{"id": "planted", "image": images/iris.png}'),
        Defect("question that is missing", DropReason.MISSING_FIELD,
               {"id": "planted", "image": "images/iris.png", "answer": "setosa"}),
    ),
    "demo_scenes": (
        Defect("missing image file", DropReason.MISSING_MEDIA,
               {"imageId": "s9999", "question": "How many circles are there?", "answer": "2"}),
    ),
    "demo_differences": (
        Defect("fewer images than placeholders", DropReason.PLACEHOLDER_MISMATCH, {
            "sample_id": "planted", "image": ["images/d00_a.png", "images/d00_b.png"],
            "conversations": [{"from": "human", "value": "<image>\n<image>\n<image>\nWhat changed?"},
                              {"from": "gpt", "value": "One shape is missing."}],
            "metadata": {"dataset": "demo_differences"},
        }),
    ),
    "demo_clips": (
        Defect("missing video file", DropReason.MISSING_MEDIA,
               _asked("videos/nowhere.mp4", ("human", "<image>\nWhat happens?"), ("gpt", "Nothing."), key="video")),
    ),
    "demo_word_problems": (Defect("exact duplicate", DropReason.DUPLICATE, twin_of=0),),
}  # fmt: skip
"""By source; each is listed in `CorpusFacts.planted` with the reject that it has to become."""
