"""One row as people look at it: pictures, before and after, what judge and checks said, the way back."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from jobs.report.page import render_page, render_text
from udfs.render.fence import cut
from udfs.sample import Turn

MAX_CHARS = 6_000
"""Characters of one turn on a page; the middle of a longer one is left out, and the page says so."""


@dataclass(frozen=True)
class Shot:
    """One picture or frame as it is shown: scaled down, as JPEG."""

    media_id: str
    part: int
    width: int
    height: int
    data: bytes = field(repr=False)
    """Empty where the stored picture cannot be decoded."""
    at_s: float | None = None
    """Time of a frame in its video, seconds."""

    @property
    def url(self) -> str:
        """The picture in the page itself."""
        return f"data:image/jpeg;base64,{b64encode(self.data).decode()}"


@dataclass(frozen=True)
class Opinion:
    """What one judge said."""

    judge: str
    judge_id: str
    verdict: str | None
    p_yes: float | None = None
    label_mass: float | None = None
    content: float | None = None
    relevance: float | None = None


@dataclass(frozen=True)
class Card:
    """Everything about one row, plain values."""

    id: str
    kind: str
    source_id: str
    category: str
    modality: str
    before: tuple[Turn, ...]
    after: tuple[Turn, ...] = ()
    """Empty for an original, and for a reply that gave no pair."""
    parse_status: str | None = None
    task_type: str | None = None
    gold_answer: str | None = None
    evidence: str | None = None
    shots: tuple[Shot, ...] = ()
    more_shots: int = 0
    """Pictures that are left out here."""
    opinions: tuple[Opinion, ...] = ()
    checks: Mapping[str, bool | None] = field(default_factory=dict)
    lineage: tuple[tuple[str, str], ...] = ()
    """Names and values, the release first, the source file last."""

    @property
    def verdict(self) -> str:
        """Of the first judge; `not judged` where there is none."""
        found = (opinion.verdict for opinion in self.opinions if opinion.verdict)
        return next(found, "not judged")


@dataclass(frozen=True)
class Gallery:
    """A page of cards with filters."""

    title: str
    note: str
    cards: Sequence[Card]

    def choices(self) -> Mapping[str, Sequence[str]]:
        """Values that the filters offer."""
        return {
            name: sorted({str(getattr(card, name)) for card in self.cards})
            for name in ("category", "source_id", "verdict")
        }


def shorten(card: Card, limit: int = MAX_CHARS) -> Card:
    """The card with long texts cut in the middle."""

    def turns(said: tuple[Turn, ...]) -> tuple[Turn, ...]:
        return tuple(Turn(turn.role, cut(turn.text, limit)) for turn in said)

    proof = None if card.evidence is None else cut(card.evidence, limit)
    return replace(card, before=turns(card.before), after=turns(card.after), evidence=proof)


def render_card(card: Card) -> str:
    """One card as a fragment of HTML."""
    return render_text("one_card.html", card=shorten(card))


def render_gallery(gallery: Gallery) -> str:
    """A whole page, for a file or for `displayHTML` of a notebook."""
    cards = [shorten(card) for card in gallery.cards]
    return render_page("view.html", "view.js", gallery=replace(gallery, cards=cards), choices=gallery.choices())
