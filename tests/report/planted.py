"""Facts whose every text tries to run, hide or break out; `alert` and `planted` would show that one succeeded."""

from dataclasses import replace
from io import BytesIO

from PIL import Image

from jobs.agreement import agreements
from jobs.report.calls import Call, Message
from jobs.report.card import Card, Opinion, Shot
from jobs.report.explain import Explanation
from jobs.report.facts import (
    Compared,
    Cost,
    Expectation,
    Facts,
    InstructionMap,
    Intake,
    Judged,
    Reason,
    ReleaseFacts,
    Reuse,
    Rewrites,
    Scores,
)  # fmt: skip
from jobs.report.origin import SourceRecord
from jobs.report.rejected import Rejected
from schemas.enums import Role
from udfs.sample import Turn

ATTACKS = (
    "<script>planted=1</script>", "<img src=x onerror=planted=1>", "<svg/onload=planted=1>",
    "[x](javascript:planted=1)", "<a href='javascript:planted=1' autofocus onfocus=planted=1>x</a>",
    '"><script>planted=1</script>', "' onmouseover='planted=1",
    "</script></style></textarea></title><script>planted=1</script>",
    "</div></section></main><h1>planted</h1>", "{{7*7}}", "{% raw %}", "${7*7}", "<!--", "]]>", "&lt;script&gt;",
    "nul \x00 bell \x07", "rtl \u202egnp.exe\u202c", "invisible \u200b\u2066x\u2069 \ufeff", "lone \ud800 surrogate",
    "<style>body{display:none}</style>", "<meta http-equiv=refresh content='0;url=http://example.org'>",
    "<base href='http://example.org/'>", "<iframe srcdoc='<script>parent.planted=1</script>'></iframe>", "a" * 500,
    "| cell | `code` **bold** \n# heading\n- item",
)  # fmt: skip
EVIL = " ".join(ATTACKS)


def picture() -> bytes:
    stream = BytesIO()
    Image.new("RGB", (320, 200), (40, 90, 160)).save(stream, "JPEG")
    return stream.getvalue()


def card(**changes: object) -> Card:
    said = (Turn(Role.USER, EVIL), Turn(Role.ASSISTANT, EVIL))
    shot = Shot(EVIL, 0, 320, 200, picture())
    made = Card(
        id=EVIL, kind="rewritten", source_id=EVIL, category=EVIL, modality=EVIL, before=said, after=said,
        parse_status=EVIL, task_type=EVIL, gold_answer=EVIL, evidence=EVIL,
        shots=(shot, replace(shot, at_s=1.5, part=1), replace(shot, data=b"")), more_shots=3,
        opinions=(Opinion(EVIL, EVIL, EVIL, 0.5, 0.9, 3.0, 4.0),), checks={EVIL: True, "no_refusal": False, "x": None},
        lineage=((EVIL, EVIL), ("file", EVIL)),
    )  # fmt: skip
    return replace(made, **changes)


def facts() -> Facts:
    release = ReleaseFacts(
        *(1, 10, EVIL, 2, EVIL, EVIL, EVIL), success=True, expectations=(Expectation(EVIL, False, EVIL, EVIL),),
        counts={"category": {"OCR": 7, EVIL: 3}},
    )  # fmt: skip
    people, judges = {EVIL: {"a": True, "b": False, "c": True}}, {"main": {"a": True, "b": False, "c": False}}
    agreed = agreements(people, judges, {"a": EVIL, "b": "OCR", "c": "OCR"})
    places = tuple((n / 12, n / 12) for n in range(12))
    return Facts(
        root=EVIL, made_at=EVIL, judge=EVIL, threshold=EVIL, release=release,
        intake=(Intake(EVIL, EVIL, EVIL, 5, 5, 3, 1, 1), Intake("plain", "OCR", "B", 5, 5, 3, 1, 1)),
        reasons=(Reason(EVIL, 1, 1, EVIL, EVIL),), rewrites=(Rewrites("OCR", 3, 2, {EVIL: 1}, 2),),
        judged=(Judged("OCR", 4, 3, 0), Judged("Video", 2, 2, 0)),
        candidates={"original": {EVIL: 1, "accepted": 4}, "rewritten": {"accepted": 3}}, left_out={EVIL: 1},
        shortfalls=(EVIL,), scores=(Scores(EVIL, 1, 1, 3.0, 4.0, None, None, {"content_original": 3.0}),),
        lengths=({6: 3, 8: 1}, {9: 2, 10: 2}),
        map=InstructionMap(places, places, (EVIL,) * 12, ("OCR",) * 12, 0.5, 0.6, EVIL),
        costs=(Cost(EVIL, EVIL, 1, 0, 0, 10, 5, 3, 1.0, 0.5, 2.0),), reuse=(Reuse(EVIL, 1, 1, 1),),
        benchmarks=(EVIL,), twins={EVIL: (2, 1)},
        agreement=agreed, compared=Compared((EVIL, "b"), (("OCR", 4, 3, 2),), agreed.kappas[0]),
        cards=(card(), card(kind="original", after=(), checks={}, opinions=())),
    )  # fmt: skip


def explanation() -> Explanation:
    messages = (Message(EVIL, EVIL, (EVIL,)), Message("user", EVIL))
    call = Call(*[EVIL] * 6, {EVIL: 0.5}, EVIL, messages, EVIL)
    return Explanation(card(), {EVIL: EVIL}, EVIL, (call,), SourceRecord(EVIL, EVIL, False, EVIL), (EVIL,))


def rejected() -> Rejected:
    return Rejected(*[EVIL] * 6, 7, EVIL, newest=False, twin=EVIL, excerpt=EVIL, record=SourceRecord(EVIL, EVIL))
