"""Labels by people: a blinded page, the files that come back, and whether judges agree with them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from pydantic import Field, ValidationError, model_validator
from pyspark.sql import Row, Window
from pyspark.sql import functions as f

from jobs.agreement import Agreement, Answers, agreements
from jobs.candidates import deciding_judge, verdicts
from jobs.release import as_published, latest, manifest
from jobs.report.card import Card, shorten
from jobs.report.page import render_page
from jobs.report.rows import Showing, overview, read_cards
from jobs.tables import Tables
from schemas.config import Config
from schemas.enums import PairKind
from schemas.errors import InputError
from schemas.source import Strict
from udfs import files

FOLDER = "labels"
FORMAT = "mammoth-vl labels 1"
MAX_BYTES = 16 << 20
SIDE = 640


class Label(Strict):
    """What a person said of one pair."""

    id: str = Field(pattern=r"^[0-9a-f]{64}$")
    answer: Literal["good", "bad", "unsure"]
    note: str = Field("", max_length=2000)


class LabelFile(Strict):
    """What the page saves."""

    format: Literal["mammoth-vl labels 1"]
    sheet: str = Field(pattern=r"^[a-z0-9-]{1,80}$")
    labeller: str = Field(pattern=r"^[\w][\w .-]{0,59}$")
    labels: tuple[Label, ...] = Field(min_length=1, max_length=100_000)

    @model_validator(mode="after")
    def _once(self) -> "LabelFile":
        if len({label.id for label in self.labels}) != len(self.labels):
            raise ValueError("an id is labelled twice")
        return self

    @property
    def answers(self) -> Answers:
        """Good or bad by pair; what a person was unsure about is left out."""
        return {label.id: label.answer == "good" for label in self.labels if label.answer != "unsure"}


@dataclass(frozen=True)
class Sheet:
    """A set of pairs to label: nothing in it tells what a judge said."""

    name: str
    cards: Sequence[Card]


def draw_pairs(tables: Tables, config: Config, rows: int, seed: int, release_id: int | None = None) -> list[str]:
    """Pairs that the judge of a release, the newest by default, has judged, evenly over category and its threshold."""
    release = latest(tables) if release_id is None else manifest(tables, release_id)
    config = as_published(config, release)
    judged = verdicts(tables, config, deciding_judge(tables, config, release)).where(
        (f.col("subject_kind") == PairKind.REWRITTEN.value) & f.col("passes").isNotNull()
    )
    judged = judged.join(tables.read("samples").select("sample_id", "category"), "sample_id")
    order = f.sha2(f.concat(f.lit(f"{seed}:"), "subject_id"), 256)
    turn = f.row_number().over(Window.partitionBy("category", "passes").orderBy(order))
    chosen = judged.select("subject_id", turn.alias("turn"), order.alias("order")).orderBy("turn", "order").limit(rows)
    return sorted({row["subject_id"] for row in chosen.collect()})


def draw_sheet(tables: Tables, config: Config, rows: int, seed: int, release_id: int | None) -> Sheet:
    """The pairs that were drawn, in an order that tells nothing of verdicts."""
    ids = draw_pairs(tables, config, rows, seed, release_id)
    if not ids:
        raise InputError(
            f"no judged pair of judge {config.publishing.judge!r} in {tables.root}", "run the judge stage first"
        )
    pairs = overview(tables, config, release_id).where(f.col("pair_id").isin(ids)).dropDuplicates(["pair_id"])
    # People see as many pictures or frames as an engine is shown.
    shown = max(config.media.video_frames, *(engine.max_pictures for engine in config.engines))
    cards = read_cards(tables, pairs, Showing(len(ids), SIDE, shown))
    # Another order than that of the draw, whose turns go through the verdicts.
    cards.sort(key=lambda card: sha256(f"{seed}:shown:{card.id}".encode()).hexdigest())
    mark = sha256("".join(ids).encode()).hexdigest()[:8]
    return Sheet(f"s{seed}-n{len(ids)}-{mark}", cards)


def render_sheet(sheet: Sheet) -> str:
    """The page: choices live in it, and leave it as a file that the browser saves."""
    cards = [shorten(card, 20_000) for card in sheet.cards]
    return render_page("label.html", "label.js", sheet=Sheet(sheet.name, cards), format=FORMAT)


def parse_labels(data: bytes, name: str) -> LabelFile:
    """A file of labels; it comes from outside, so everything about it is checked."""
    try:
        return LabelFile.model_validate_json(data)
    except (ValidationError, ValueError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        if first and first["loc"] == ("labels",) and first["type"] == "too_short":
            raise InputError(
                f"{name} holds no label", "open the page, choose good, bad or unsure for some pairs, and save it again"
            ) from error
        told = f"{'.'.join(map(str, first['loc'])) or 'file'}: {first['msg']}" if first else str(error)
        if first and first["loc"] == ("labeller",) and isinstance(first["input"], str):
            allowed = "a letter or digit, then up to 59 of them, blanks and . _ -"
            told = f"labeller is {first['input'][:80]!r}; allowed are {allowed}"
        raise InputError(
            f"{name} is no file of labels: {told}", "give the file that the labelling page saved"
        ) from error


def import_labels(tables: Tables, uri: str) -> tuple[LabelFile, str]:
    """Takes a file into ROOT/labels; the same person's labels of the same sheet are replaced. Gives where it lies."""
    try:
        size = files.size(uri)
        data = files.read_bytes(uri, MAX_BYTES)
    except OSError as error:
        raise InputError(f"{uri} cannot be read: {error}", "give the file that the labelling page saved") from error
    if size > MAX_BYTES:
        raise InputError(f"{uri} has {size:,} bytes, at most {MAX_BYTES:,} are read", "split the labels by sheet")
    found = parse_labels(data, uri)
    ids = [label.id for label in found.labels]
    known = tables.read("judged").where(f.col("subject_id").isin(ids)).select("subject_id").distinct().count()
    if known != len(ids):
        raise InputError(
            f"{uri}: {len(ids) - known:,} of {len(ids):,} labelled pairs were not judged in {tables.root}",
            "give --root the tables that the page was made from",
        )
    person = re.sub(r"[^a-z0-9]+", "-", found.labeller.lower()).strip("-") or "person"
    mark = sha256(found.labeller.encode()).hexdigest()[:6]
    target = files.join(tables.root, FOLDER, f"{found.sheet}-{person}-{mark}.json")
    files.write_bytes(target, found.model_dump_json(indent=1).encode())
    return found, target


def read_labels(tables: Tables) -> Mapping[str, Answers]:
    """All imported answers by person."""
    folder = files.join(tables.root, FOLDER)
    people: dict[str, dict[str, bool]] = {}
    for name in files.find(folder, ["*.json"]) if files.exists(folder) else ():
        uri = files.join(folder, name)
        try:
            found = parse_labels(files.read_bytes(uri), uri)
        except InputError as error:
            raise InputError(error.args[0], f"take it out of {folder}, where labels lie that were imported") from error
        people.setdefault(found.labeller, {}).update(found.answers)
    return people


def agreement(tables: Tables, config: Config, only: str | None = None) -> Agreement | None:
    """Kappa between every judge and every person, overall and by category; None where nobody labelled anything.

    Where all answers are "unsure" there are people and no kappas.

    `only` is the judge_id of the one judge that is asked for.

    A judge answers as publishing takes it: good is what the threshold keeps; an unreadable verdict is dropped, so bad.
    """
    people = read_labels(tables)
    ids = sorted({subject for answers in people.values() for subject in answers})
    if not people:
        return None
    known = tables.read("judged").where("verdict IS NOT NULL").select("judge", "judge_id").distinct().collect()
    categories = tables.read("samples").select("sample_id", "category")
    names = ("subject_id", "judge", "judge_id", "passes", "category")
    rows: list[Row] = []
    for judge, judge_id in sorted(known):
        if only not in (None, judge_id):
            continue
        told = verdicts(tables, config, judge_id, judge).where(
            f.col("subject_id").isin(ids) & f.col("passes").isNotNull()
        )
        rows += told.join(categories, "sample_id").select(*names).collect()
    named: dict[str, set[str]] = {}
    for row in rows:
        named.setdefault(row["judge"], set()).add(row["judge_id"])
    judges: dict[str, dict[str, bool]] = {}
    for row in rows:
        name = row["judge"] if len(named[row["judge"]]) == 1 else f"{row['judge']} {row['judge_id'][:8]}"
        # A person may bear a judge's name.
        answers = judges.setdefault(f"{name} (judge)" if name in people else name, {})
        answers[row["subject_id"]] = row["passes"]
    return agreements(people, judges, {row["subject_id"]: row["category"] for row in rows})
