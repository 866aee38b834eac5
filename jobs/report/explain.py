"""One row explained: release, gate, verdicts, replies, prompts as they were sent, sample, record, file."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError
from pyspark.sql import functions as f

from jobs.ask import subject_of
from jobs.candidates import candidates, deciding_judge
from jobs.corpus import catalogue_folder
from jobs.release import as_published, latest, manifest
from jobs.report.card import Card
from jobs.report.origin import Place, SourceRecord, reread
from jobs.report.page import render_page
from jobs.report.rows import cards_of, overview
from jobs.run import Options
from jobs.session import SPARK_ERRORS
from jobs.tables import Tables
from jobs.wanted import answers
from schemas.config import Engine, Sampling
from schemas.enums import PairKind, Purpose
from schemas.errors import ConfigError, PipelineError
from schemas.source import load_sources
from udfs import files
from udfs.prompts import Prompt, load_prompts
from udfs.render.keys import Target
from udfs.request import Request
from udfs.sample import Picture, Subject
from udfs.visit import render

IDS = ("id", "sample_id", "content_id", "pair_id", "call_key", "record_hash")
LEAST = 8
"""Letters that an abbreviated id needs."""
MOST = 1_000
"""Rows that an id is looked for in: a whole file may be one record."""
SIDE = 1024
EARLIER = 20
"""Releases before the newest that a row is looked for in."""


@dataclass(frozen=True)
class Message:
    """One message of a request; pictures by their hash."""

    role: str
    text: str
    pictures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Call:
    """One engine call about the row: the request rendered again, and the reply as it came."""

    purpose: str
    call_key: str
    status: str
    model: str
    prompt: str
    reply: str
    label_probs: Mapping[str, float]
    tokens: str
    messages: tuple[Message, ...] = ()
    rendering: str = ""
    """Whether the request rendered again is the one that was sent, or why it cannot be rendered."""


@dataclass(frozen=True)
class Explanation:
    """Everything that is known about one row."""

    card: Card
    release: Mapping[str, str]
    reason: str
    """What publishing says of the row: accepted, or what speaks against it."""
    calls: tuple[Call, ...]
    record: SourceRecord
    siblings: tuple[str, ...] = field(default=())
    """Other rows made from the same sample."""


def explain(tables: Tables, options: Options, name: str) -> Explanation:
    """Finds a row by pair, sample, content, call or record hash, also abbreviated, and everything behind it."""
    matching = _matches(name, IDS)
    rows = overview(tables, options.config)
    hits = [row.asDict(recursive=True) for row in rows.where(matching).limit(MOST).collect()]
    facts = _find(tables, list({(row["id"], row["sample_id"], row["call_key"]): row for row in hits}.values()), name)
    (card,) = cards_of(tables, [facts], SIDE)
    key = f.col("id").eqNullSafe(facts["id"]) & (f.col("sample_id") == facts["sample_id"])
    release = latest(tables)
    config = as_published(options.config, release)
    reasons = (
        candidates(tables, config, deciding_judge(tables, config, release))
        .where(key)
        .select("reason")
        .limit(1)
        .collect()
    )
    siblings = tables.read("rewritten").where(f.col("sample_id") == facts["sample_id"]).select("pair_id").collect()
    place = Place(facts["file"], facts["position"], facts["record_hash"])
    return Explanation(
        card=card,
        release=_release(tables, facts),
        reason=reasons[0]["reason"] if reasons else "no candidate",
        calls=tuple(_calls(tables, options, facts)),
        record=_record(tables, options, facts["source_id"], place),
        siblings=tuple(sorted({s["pair_id"] for s in siblings} - {facts["id"]})),
    )


def _record(tables: Tables, options: Options, source_id: str, place: Place) -> SourceRecord:
    """The record from the configured folder of source files, or from the one that a demo made below its root."""
    own = options.sources.get(source_id)
    if own is not None:
        return reread(own, place, options.config.storage)
    storage = options.config.storage.model_copy(update={"sources_root": files.join(tables.root, "sources")})
    return reread(load_sources(catalogue_folder()).get(source_id), place, storage)


def _matches(name: str, columns: Sequence[str]) -> Any:  # noqa: ANN401 - a column
    if len(name) < LEAST or not name.isalnum():
        raise ConfigError(f"{name!r} is no id", f"give at least {LEAST} letters of a pair, sample, call or record hash")
    found = f.lit(False)
    for column in columns:
        found = found | f.coalesce(f.col(column).startswith(name), f.lit(False))
    return found


def _find(tables: Tables, rows: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    """The row that is meant: by its own id before its sample, its call or its record."""
    for column in IDS:
        hits = [row for row in rows if str(row[column] or "").startswith(name)]
        own = [row for row in hits if row["kind"] == PairKind.ORIGINAL.value] if column != "call_key" else []
        if len(hits) == 1 or own:
            return (own or hits)[0]
        if hits:
            many = ", ".join(sorted({row["id"][:16] for row in hits})[:10])
            raise ConfigError(f"{name!r} stands for {len(hits)} rows", f"name one of them: {many}")
    asked = tables.read("calls").where(f.col("call_key").startswith(name)).select("subject_id").distinct().collect()
    told = f"; it is a call about subject {asked[0][0][:16]}, explain that" if asked and asked[0][0] else ""
    dropped = tables.read("rejects").where(f.col("origin.record_hash").startswith(name)).limit(1).collect()
    if dropped:
        reject, origin = dropped[0], dropped[0]["origin"]
        told = f"; record {origin['position']} of {origin['file']} was rejected: "
        told += f"{reject['drop_reason']}: {reject['detail']}"
    raise ConfigError(f"no row has the id {name!r}{told}", "`mammoth-vl view --where SQL` and `sql` show ids")


def _release(tables: Tables, facts: Mapping[str, Any]) -> Mapping[str, str]:
    """The newest release that holds the row."""
    release_id = facts["release_id"] or _earlier(tables, facts["id"])
    if release_id is None:
        return {}
    row = manifest(tables, release_id)
    gate = tables.read("gates").where(f.col("gate_id") == row["gate_id"]).first()
    verdict = "not in the tables"
    if gate is not None:
        held = sum(e["success"] for e in gate["expectations"])
        verdict = (
            f"{'passed' if gate['success'] else 'failed'}, {held} of {len(gate['expectations'])} expectations held"
        )
    named = {"release": release_id, "published": row["at"], "rows": f"{row['rows']:,}", "gate": row["gate_id"]}
    return {k: str(v) for k, v in named.items()} | {
        "gate verdict": verdict,
        "run": row["run_id"],
        "content hash": row["content_hash"],
        **({} if facts["release_id"] else {"since then": "the newest release does not hold it"}),
    }


def _earlier(tables: Tables, name: str) -> int | None:
    """The newest of the last releases that holds a row which the very newest does not."""
    for release in tables.read("releases").orderBy(f.desc("release_id")).offset(1).limit(EARLIER).collect():
        with suppress(*SPARK_ERRORS):  # files of old releases may have been removed
            if not tables.read("instruct", int(release["table_version"])).where(f.col("id") == name).isEmpty():
                return int(release["release_id"])
    return None


def _calls(tables: Tables, options: Options, facts: Mapping[str, Any]) -> list[Call]:
    """Calls about the row in the order of the pipeline: rewrite, judge, score."""
    mine = f.col("subject_id") == facts["subject_id"]
    if facts["kind"] == PairKind.REWRITTEN.value:
        mine = mine | (f.col("call_key") == facts["call_key"])
    else:
        mine = mine & (f.col("purpose") != Purpose.REWRITE.value)
    mine = mine & f.col("purpose").isNotNull()
    rows = [row.asDict(recursive=True) for row in answers(tables).where(mine).collect()]
    rows.sort(key=lambda row: (list(Purpose).index(Purpose(row["purpose"])), row["call_key"]))
    if not rows:
        return []
    sample = tables.read("samples").where(f.col("sample_id") == facts["sample_id"]).collect()[0].asDict(recursive=True)
    pictures = _pictures(tables, sample["media"])
    return [_call(tables, options, row, _subject(row, sample, facts), pictures) for row in rows]


def _subject(row: Mapping[str, Any], sample: Mapping[str, Any], facts: Mapping[str, Any]) -> Subject:
    """What the call was about: the sample, or the pair made from it."""
    about = {**sample, "subject_id": row["subject_id"]}
    if row["subject_id"] == facts["pair_id"]:
        about["conversation"] = facts["after"]
    return subject_of(about)


def _pictures(tables: Tables, media: Sequence[str]) -> dict[str, list[Picture]]:
    stored = tables.read("media_bytes").where(f.col("media_id").isin(list(media)))
    found: dict[str, list[Picture]] = {}
    for row in stored.select("media_id", "sha256", "format", "data", "part").orderBy("media_id", "part").collect():
        found.setdefault(row["media_id"], []).append(Picture(row["sha256"], row["format"], bytes(row["data"])))
    return found


def _call(
    tables: Tables, options: Options, row: Mapping[str, Any], subject: Subject, pictures: Mapping[str, list[Picture]]
) -> Call:
    kinds = ("prompt_tokens", "cached_tokens", "completion_tokens")
    call = Call(
        *(row["purpose"], row["call_key"], row["status"], f"{row['model']} ({row['revision']})"),
        prompt=row["prompt_version"],
        reply=row["reply"] or "",
        label_probs={k: round(v, 6) for k, v in sorted(dict(row["label_probs"] or {}).items())},
        tokens=", ".join(f"{row[kind]:,} {kind.split('_')[0]}" for kind in kinds if row[kind] is not None),
    )
    prompt = _prompt(tables, options, row["prompt_version"])
    if prompt is None:
        return replace(call, rendering="the prompt's text is neither in the tables nor in the package")
    try:
        request = render(Purpose(row["purpose"]), subject, prompt, _target(options, row, subject), pictures)
    except (PipelineError, AssertionError, ValidationError, ValueError) as error:
        return replace(call, prompt=f"{prompt.name} {call.prompt}", rendering=f"it cannot be rendered again: {error}")
    same = request.request_hash == row["request_hash"]
    told = "rendered again: equal to what was sent, byte for byte" if same else (
        "rendered again, but not what was sent: the model's limits or the package's rendering differ from then"
    )  # fmt: skip
    return replace(call, prompt=f"{prompt.name} {call.prompt}", messages=_messages(request), rendering=told)


def _prompt(tables: Tables, options: Options, version: str) -> Prompt | None:
    kept = tables.read("prompts").where(f.col("prompt_version") == version).first()
    if kept is not None:
        return Prompt.model_validate_json(kept["text"])
    return next((p for p in load_prompts(options.prompts).values() if p.version == version), None)


def _target(options: Options, row: Mapping[str, Any], subject: Subject) -> Target:
    """The model as it was asked; its limits are the configuration's, since calls do not keep them."""
    sampling = {k: v for k, v in json.loads(row["sampling"] or "{}").items() if k != "labels"}
    default = Engine(name="unknown", model=row["model"], revision=row["revision"], roles=())
    engine = next((e for e in options.config.engines if e.model == row["model"]), default)
    media = options.config.media
    return Target(
        model=row["model"],
        revision=row["revision"],
        sampling=Sampling.model_validate(sampling),
        vision=bool(row["pictures"]) or (bool(subject.media) and not row["text_evidence"]),
        max_pictures=engine.max_pictures,
        max_model_len=engine.max_model_len,
        picture_recipe=f"px{media.model_max_pixels}-frames{media.video_frames}",
    )


def _messages(request: Request) -> tuple[Message, ...]:
    said = []
    for message in json.loads(request.body)["messages"]:
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        texts = "\n".join(part["text"] for part in parts if part["type"] == "text")
        said.append(Message(message["role"], texts, tuple(p["uuid"] for p in parts if p["type"] == "image_url")))
    return tuple(said)


def render_explanation(found: Explanation) -> str:
    """The whole page."""
    return render_page("explain.html", told=found)
