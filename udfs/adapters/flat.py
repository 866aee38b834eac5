"""Records that hold a question and its answer in fields of their own; what differs is data, a `Recipe`."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from schemas.enums import DropReason, Modality
from schemas.errors import Drop
from schemas.source import By, FieldMap, Reading, Source
from udfs.adapters import evidence, options
from udfs.adapters.fields import NOTHING, answer, dotted, first, items, kind, record_of, shorten, text, told_apart
from udfs.adapters.gold import closing, concluded
from udfs.adapters.media import fill, named, patterned
from udfs.adapters.turns import MARK, Media, escaped, pairs, place
from udfs.checks.conclusion import undecided
from udfs.sample import Adapter, Draft, Record

ALIASES = FieldMap(
    id=(
        "_key", "id", "question_id", "questionId", "qid", "uid", "uuid", "sample_id", "meerqat_id", "kilt_id",
        "q_uid", "caption_id", "question_index", "index", "image_id", "imageId", "screenId", "imageName",
    ),
    question=("question", "query", "Question", "Q", "q", "problem", "instruction", "prompt", "sentence", "utterance"),
    answer=(
        "multiple_choice_answer", "answer", "answers", "Answer", "label", "A", "a", "text_answer", "ground_truth",
        "response", "output", "outputs", "targetValue",
    ),
    options=("options", "choices", "option", "choice_list"),
    rationale=("rationale", "rationales", "solution", "explanation", "cot"),
    context=evidence.KEYS,
    media=(
        "decoded_image", "image", "images", "image_path", "img_path", "img", "image_name", "imgname", "img_name",
        "image_file", "image_filename", "filename", "file_name", "video", "video_path", "video_name", "image_id",
        "imageId", "video_id", "image_local_name", "map_id", "img_id",
    ),
)  # fmt: skip
"""Names that most publishers use; the first one present wins."""


GOLD_WORDS = 8
NOTES = "_notes"
"""Where `prepare` puts what it left out."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """Where the parts of a family's records stand; a source's own field map comes before it."""

    fields: FieldMap = ALIASES
    media: tuple[str, ...] = ()
    """Patterns of the media path over the record's fields, see `udfs.adapters.media.fill`; the first that is filled."""
    ask: str = ""
    """Pattern of the question for records that have none."""
    pairs: str = ""
    """Path to a list of question/answer objects, all about the same media."""
    system: str = ""
    """Path to text that goes before the first question."""
    words: Mapping[str, str] | None = None
    """Answers in words for the codes that the records hold; where these are numbers, others are rejects."""
    by_index: bool = False
    """Digits are always the number of an option, counted from 0."""
    by_letter: bool = False
    """A letter is always an option's label, even where an option reads the same."""
    by_text: bool = False
    """Answers repeat an option, which may be a number or a letter."""
    prepare: Callable[[Mapping[str, Any]], Mapping[str, Any]] | None = None
    """Brings a record into this shape first."""
    free: bool = False
    """Answers are texts of which none is the only right one, so that there is no gold answer."""
    prose: bool = False
    """Answers are replies, of which only a conclusion or a few words are gold."""
    shows: bool = True
    """Whether the records show anything."""
    general: bool = False
    """Whether a source may name fields and a question of its own for these records, though its family is another."""
    optional: bool = False
    """Whether some of the records show nothing."""
    parts: bool = False
    """Lists are the parts of one answer, also where they repeat or are sentences; elsewhere those are annotators'."""


@dataclass(frozen=True, slots=True)
class _Reply:
    shown: str
    gold: str


def flat(recipe: Recipe, name: str) -> Adapter:
    """The adapter for records of this recipe, which makes up the family of this name."""

    def adapter(record: Record, source: Source) -> Draft:
        if recipe.prepare:
            record = replace(record, value=recipe.prepare(record.value))
        return _Reader(recipe, _told(source, name, recipe), source.modality).draft(record)

    return adapter


def _told(source: Source, name: str, recipe: Recipe) -> Reading:
    """What a source says about its records: nothing about those of a family that is not its own."""
    reading = source.reading or Reading(files=())
    own = recipe.general or name == (reading.family or source.family) or reading.adapter
    return reading if own else Reading(files=(), media_root=reading.media_root)


@dataclass(frozen=True, slots=True)
class _Reader:
    recipe: Recipe
    reading: Reading
    modality: Modality

    def paths(self, part: str) -> tuple[str, ...]:
        return (*getattr(self.reading.fields, part), *getattr(self.recipe.fields, part))

    @property
    def by(self) -> By:
        """How answers name their option."""
        recipe = self.recipe
        return "index" if recipe.by_index else "letter" if recipe.by_letter else "text" if recipe.by_text else ""

    def draft(self, record: Record) -> Draft:
        media = self.media(record) if self.recipe.shows else ()
        proof = evidence.evidence(record.value, self.paths("context"))
        if not (media or proof or self.recipe.optional or not self.recipe.shows or self.modality is Modality.TEXT):
            raise Drop(DropReason.MISSING_MEDIA, f"no medium is named in {sorted(map(str, record.value))[:20]}")
        asked, left = self.asked(record)
        told = [(question, reply.shown) for question, reply in asked]
        before = text(dotted(record.value, self.recipe.system) or "", self.recipe.system) if self.recipe.system else ""
        if not media and proof and not before and proof.text not in told[0][0]:
            before = proof.text  # nothing else shows what is asked about
        if before and before != told[0][0]:
            told[0] = (f"{before}\n\n{told[0][0]}", told[0][1])
        if len(media) == 1:
            told = [(_one_sheet(question), _in_words(shown)) for question, shown in told]
        alone = not media and self.modality is Modality.TEXT
        turns, media = (escaped(pairs(told)), media) if alone else place(pairs(told), media, front=True)
        notes = (text(record.value.get(NOTES, ""), NOTES), left)
        return Draft(
            turns=turns,
            media=media,
            gold_answer=self.gold(asked, shows=bool(media)),
            evidence=proof,
            original_id=self.id(record) or record.origin.original_id,
            notes="; ".join(note for note in notes if note) or None,
        )

    def id(self, record: Record) -> str | None:
        """The publisher's id: the first of its fields that holds text or a number."""
        there = ((path, dotted(record.value, path)) for path in self.paths("id"))
        return next((text(value, path) for path, value in there if _names(value)), None)

    def asked(self, record: Record) -> tuple[list[tuple[str, _Reply]], str]:
        """Questions and replies; those that lack one are left out where others have both, and a note says so."""
        asked, left = list[tuple[str, _Reply]](), list[Drop]()
        for part in self.parts(record):
            try:
                asked.append((self.question(part), self.reply(part)))
            except Drop as drop:
                if drop.reason not in (DropReason.NO_ANSWER, DropReason.EMPTY_TURN):
                    raise
                left.append(drop)
        if not asked and not left:
            raise Drop(DropReason.EMPTY_CONVERSATION, f"{self.recipe.pairs} holds no question")
        if not asked:
            raise left[0]
        every = len(asked) + len(left)
        return asked, f"left out: {len(left)} of {every} questions, {left[0].reason}: {left[0].detail}" if left else ""

    def gold(self, asked: list[tuple[str, _Reply]], *, shows: bool) -> str | None:
        """The answer of the only question, if it is short enough to be looked for."""
        if len(asked) != 1 or self.recipe.free or self.reading.question or self.reading.each:
            return None
        question, reply = asked[0]
        if not reply.gold:
            return None
        if self.recipe.prose:
            return concluded(question, reply.gold, shows=shows)
        if undecided(reply.gold):
            return None
        said = closing(reply.gold) or reply.gold
        return said if len(said.split()) <= GOLD_WORDS and "\\boxed" not in said else None

    def parts(self, record: Record) -> Iterator[Record]:
        """The record, or each of its question/answer objects."""
        if not self.recipe.pairs:
            yield record
            return
        found = dotted(record.value, self.recipe.pairs)
        if found is None:
            raise Drop(DropReason.MISSING_FIELD, f"{self.recipe.pairs} is missing")
        for at, pair in enumerate(items(found, self.recipe.pairs)):
            yield replace(record, value=record_of(pair, f"{self.recipe.pairs}.{at}"))

    def media(self, record: Record) -> Media:
        """Embedded media, else the pattern, else the path as it stands."""
        return patterned(named(record, self.paths("media")), (self.reading.media_pattern, *self.recipe.media), record)

    def question(self, record: Record) -> str:
        """The question with its options."""
        found = first(record.value, self.paths("question"))
        told = _phrase(*found, record.value) if found else self.reading.question or fill(self.recipe.ask, record)
        if not found and not told:
            raise _missing("question", self.paths("question"), record.value)
        if not told:
            raise Drop(DropReason.EMPTY_TURN, f"{found and found[0]} holds no question")
        return options.listed(told, options.options(record.value, self.paths("options")))

    def reply(self, record: Record) -> _Reply:
        """The answer behind its rationale; letter and text where there are options."""
        found = first(record.value, self.answers(record.value))
        if found is None:
            raise _no_answer(self.paths("answer"), record.value)
        path, value = found
        choices = options.options(record.value, self.paths("options"))
        if choices:
            if value in (None, ""):
                raise Drop(DropReason.NO_ANSWER, f"{path} is {kind(value)}")
            at = options.chosen(value, choices, self.reading.answers or self.by)
            gold = options.LETTERS[at]
            shown = gold if options.bare(choices) else f"{gold}. {choices[at]}"
        else:
            shown = answer(value, path, whole=self.recipe.parts)
            shown = gold = _decoded(shown, self.recipe.words or {}, path)
            gold = "" if told_apart(value) and not self.recipe.parts else gold
        reason = self.rationale(record.value)
        return _Reply(f"{reason}\nAnswer: {shown}" if reason else shown, gold)

    def answers(self, value: Mapping[str, Any]) -> tuple[str, ...]:
        """Where the answer may stand; a column A beside a column B is an option."""
        paths = self.paths("answer")
        return tuple(path for path in paths if not (path in ("A", "a") and {"B", "b"} & set(value)))

    def rationale(self, value: Mapping[str, Any]) -> str:
        found = first(value, self.paths("rationale"))
        if found is None:
            return ""
        path, reason = found
        return text(reason[0], path) if isinstance(reason, list) and reason else text(reason or "", path)


def _names(value: object) -> bool:
    """Whether a value can be an id."""
    return value.is_integer() if isinstance(value, float) else isinstance(value, str | int) and value != ""


def _decoded(said: str, words: Mapping[str, str], name: str) -> str:
    """An answer in words; Drop where words have numbers and it is neither."""
    if not any(map(str.isdecimal, words)):
        return words.get(said, said)
    found = words.get(said) or next((word for word in words.values() if word.casefold() == said.casefold()), None)
    if found is None:
        allowed = ", ".join(dict.fromkeys((*words, *words.values())))
        raise Drop(DropReason.NO_ANSWER, f"{name} is {shorten(said)}; allowed: {allowed}")
    return found


def _missing(part: str, paths: tuple[str, ...], value: Mapping[str, Any]) -> Drop:
    there = sorted(map(str, value))[:20]
    return Drop(DropReason.MISSING_FIELD, f"no {part}; fields: {there}; allowed: {', '.join(paths)}")


def _no_answer(paths: tuple[str, ...], value: Mapping[str, Any]) -> Drop:
    there = sorted(map(str, value))[:20]
    return Drop(DropReason.NO_ANSWER, f"no answer; fields: {there}; allowed: {', '.join(paths)}")


def _phrase(name: str, value: object, record: Mapping[str, Any]) -> str:
    """Text, which MapQA writes as a list of words; what an instruction is about, Alpaca has in a field of its own."""
    worded = isinstance(value, list) and len(value) > 1 and all(isinstance(word, str) for word in value)
    told = text(" ".join(value) if worded else value, name)  # type: ignore[arg-type]  # all are text
    about = record.get("input") if name == "instruction" else None
    return f"{told}\n\n{text(about, 'input')}" if isinstance(about, str) and about.strip() not in NOTHING else told


def _one_sheet(question: str) -> str:
    """Numbered marks for figures on one picture: a single one goes, save inside a sentence; several become words."""
    marks = _numbered(question)
    if len(marks) != 1:
        return _in_words(question)
    before, _, after = question.partition(marks[0])
    start, end = before.rpartition("\n")[2], after.partition("\n")[0].strip()
    inside = end and start.endswith(" ") and start.rstrip()[-1:].isalpha()
    return f"{before}{'the picture' if inside else ''}{after}".strip()


def _numbered(told: str) -> list[str]:
    return [mark for mark in MARK.findall(told) if any(map(str.isdigit, mark))]


def _in_words(told: str) -> str:
    for mark in _numbered(told):
        told = told.replace(mark, f"(figure {''.join(filter(str.isdigit, mark))})")
    return told
