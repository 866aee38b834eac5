"""How the files of an undeclared folder are read, found out by trying; whatever is tried is told."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path, PurePosixPath

from jobs.look import Seen, look
from jobs.normalise.plan import MEDIA_SUFFIXES, Plan, plan_sources
from jobs.readers import layouts
from jobs.screen.guess import guess_fields, guess_patterns
from schemas.config import Config, MediaMode
from schemas.enums import Category, Group, Modality
from schemas.errors import InputError
from schemas.source import Licence, Reading, Source
from udfs import files

TRIED = 40
"""Records that each way of reading is tried on."""
ALONE = frozenset({".json", ".jsonl", ".parquet", ".csv", ".tsv"})
"""Suffixes of files that are opened by themselves or not at all."""
UNKNOWN = "?"
ROOTS = 12
"""Media folders that are tried."""
SHOWN = 5
"""Files of which is said why they are not read."""
NO_DATA = frozenset(
    {".md", ".py", ".gitattributes", ".ipynb", ".pdf", ".sh", ".log", ".zip", ".tar", ".tgz", ".rar", ".7z"}
)
CATEGORIES = {
    Modality.VIDEO: Category.VIDEO,
    Modality.MULTI_IMAGE: Category.MULTI_IMAGE,
    Modality.TEXT: Category.LANGUAGE,
}


@dataclass
class Found:
    """A source that can be read, how, and what was tried on the way."""

    source: Source
    config: Config
    plan: Plan
    tried: list[tuple[str, str, str]] = field(default_factory=list)
    """What, with which value, to what effect."""


@dataclass
class _Search:
    folder: Path
    config: Config
    tried: list[tuple[str, str, str]]

    def say(self, what: str, value: str, effect: str) -> None:
        self.tried.append((what, value, effect))


def find_source(folder: Path, config: Config, source_id: str = "") -> Found:
    """The way of reading that makes most samples; InputError, with all that was tried, when none makes any."""
    if not folder.is_dir():
        raise InputError(f"folder {folder} does not exist", "give the folder that holds the files of one dataset")
    folder = folder.resolve()
    storage = config.storage.model_copy(update={"sources_root": str(folder.parent)})
    search = _Search(folder, config.model_copy(update={"storage": storage}), [])
    source, everything = _declared(search, source_id or _slug(folder.name))
    best = _best(search, source, everything)
    best, whole = _with_media(search, best)
    said = {name for what, name, _ in search.tried if what == "file"}
    unread = best.plan.unread.get(best.source.source_id, {})
    for name in [name for name in unread if name not in said][:SHOWN]:
        search.say("file", name, f"not read: {unread[name]}")
    if not whole:
        search.say("media", "most are missing", "measured without them")
    return Found(best.source, search.config if whole else _blind(search.config), best.plan, search.tried)


def _blind(config: Config) -> Config:
    """The configuration for annotations alone."""
    return config.model_copy(update={"media": config.media.model_copy(update={"mode": MediaMode.SKIP})})


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "source"


def _declared(search: _Search, source_id: str) -> tuple[Source, tuple[str, ...]]:
    """An entry that names the files which can be opened, and patterns of all: some are records only as a folder."""
    names = [name for name in files.find(str(search.folder), ["**/*"]) if _may_hold(name)]
    readable, closed = [], 0
    for name in names:
        try:
            layouts(files.join(str(search.folder), name))
            readable.append(name)
        except InputError as error:
            closed += 1
            if closed <= SHOWN:
                search.say("file", name, str(error.args[0]))
    search.say("files", f"{len(names)} that are no media", f"{len(readable)} can be opened")
    loose = [name for name in names if name in readable or PurePosixPath(name).suffix not in ALONE]
    return Source(
        source_id=source_id, name=search.folder.name, group=Group.B, category=Category.GENERAL,
        modality=Modality.IMAGE, family=UNKNOWN, licence=Licence(spdx="other", note="Not looked up."),
        collection=search.folder.name, reading=Reading(files=tuple(_patterns(readable or loose, names))),
    ), tuple(_patterns(loose, names))  # fmt: skip


def _may_hold(name: str) -> bool:
    suffix = PurePosixPath(name).suffix.lower()
    return suffix not in MEDIA_SUFFIXES and suffix not in NO_DATA and not PurePosixPath(name).name.startswith("LICENSE")


def _patterns(chosen: Sequence[str], everything: Sequence[str]) -> Iterator[str]:
    """One pattern for the files of a folder where it matches no others, else their names."""
    kinds = Counter(_kind(name) for name in everything)
    for kind, number in Counter(_kind(name) for name in chosen).items():
        mine = [name for name in chosen if _kind(name) == kind]
        if number > 1 and number == kinds[kind]:
            above, suffix = kind
            yield f"{_literal(above)}*{suffix}"
        else:
            yield from map(_literal, mine)


def _kind(name: str) -> tuple[str, str]:
    path = PurePosixPath(name)
    return name.removesuffix(path.name), "".join(path.suffixes[-2:]) if path.suffix in (".gz", ".zst") else path.suffix


def _literal(name: str) -> str:
    return re.sub(r"([*?\[])", r"[\1]", name)


@dataclass(frozen=True)
class _Try:
    source: Source
    plan: Plan
    seen: tuple[Seen, ...]

    @property
    def samples(self) -> int:
        return sum(one.sample is not None for one in self.seen)


def _best(search: _Search, source: Source, everything: tuple[str, ...]) -> _Try:
    """Known families first, with pictures and without, then as folders; then fields guessed from names and values."""
    both = (Modality.IMAGE, Modality.TEXT)
    tries = [made for modality in both if (made := _try(search, source.model_copy(update={"modality": modality})))]
    if not any(made.samples for made in tries):
        reading = source.reading or Reading(files=())
        if everything != reading.files:
            whole = source.model_copy(update={"reading": reading.model_copy(update={"files": everything})})
            tries += [made] if (made := _try(search, whole)) else []
        for family, fields in guess_fields(search.folder, source):
            told = "; ".join(f"{part}: {', '.join(paths)}" for part, paths in fields if paths)
            search.say("fields", told, f"guessed, as {family}")
            guessed = reading.model_copy(update={"fields": fields})
            made = _try(search, source.model_copy(update={"family": family, "reading": guessed}))
            tries += [made] if made else []
    best = max(tries, key=lambda made: made.samples, default=None)
    if best is None or not best.samples:
        told = "\n".join(f"  {what} {value}: {effect}" for what, value, effect in search.tried)
        raise InputError(
            f"{search.folder}: no way of reading makes a sample. Tried:\n{told}",
            "name the fields in a catalogue file of your own; CONTRIBUTING shows one",
        )
    return _settled(best)


def _try(search: _Search, source: Source) -> _Try | None:
    try:
        plan = plan_sources([source], search.config.storage)
        made = _Try(source, plan, tuple(look(source, plan, _blind(search.config), TRIED, whole=False)))
    except InputError as error:
        search.say("family", f"any, {source.modality.value}", str(error.args[0]))
        return None
    reasons = Counter(str(one.reject["drop_reason"]) for one in made.seen if one.reject)
    effect = f"{made.samples} of the first {len(made.seen)} records become samples"
    told = "".join(f", {number} {reason}" for reason, number in reasons.most_common(3))
    search.say("family", f"{plan.families[source.source_id]}, {source.modality.value}", effect + told)
    return made


def _settled(best: _Try) -> _Try:
    """The entry with the family, the files and the modality that were found."""
    name = best.source.source_id
    modalities = Counter(Modality(one.sample["modality"]) for one in best.seen if one.sample)
    modality = modalities.most_common(1)[0][0]
    reading = best.source.reading or Reading(files=())
    unread = set(best.plan.unread[name])
    if unread:
        read = sorted({item.range.file for item in best.plan.items})
        folders = tuple(name for name in read if "*" in name)  # whose files are records: patterns already
        single = _patterns([name for name in read if name not in folders], [*read, *unread])
        reading = reading.model_copy(update={"files": (*folders, *single)})
    changes = {
        "family": best.plan.families[name], "modality": modality, "reading": reading,
        "category": CATEGORIES.get(modality, Category.GENERAL),
        "columns": tuple(str(key) for key in best.seen[0].record.value if not str(key).startswith("_")),
    }  # fmt: skip
    return _Try(best.source.model_copy(update=changes), best.plan, best.seen)


def _with_media(search: _Search, best: _Try) -> tuple[_Try, bool]:
    """With the media root, or the pattern over the fields, by which most media are found; whether that is half."""
    named = [one for one in best.seen if one.sample and one.sample["media"]]
    if not named:
        return best, True
    pictures = [
        name for name in files.find(str(search.folder), ["**/*"]) if name.lower().endswith(tuple(MEDIA_SUFFIXES))
    ]
    said = [str(medium).removeprefix("absent:") for one in named if one.sample for medium in one.sample["media"]]
    if "embedded" in said:
        search.say("media", "in the records themselves", f"{said.count('embedded')} of {len(said)}")
    ways = [("", ""), *((root, "") for root in _roots(search, pictures))]
    ways += [("", pattern) for pattern in guess_patterns([one.record for one in named], said, pictures)]
    tries: list[tuple[int, _Try]] = []
    for root, pattern in ways:
        made, found = _shown(search, best, root, pattern)
        tries.append((found, made))
        if found >= len(named):
            break
    found, made = max(tries, key=lambda pair: pair[0])
    return made, 2 * found >= len(named)


def _roots(search: _Search, pictures: Sequence[str]) -> list[str]:
    """Folders that hold media, those with most first, and media roots of the configuration."""
    above = Counter(chain.from_iterable(list(map(str, PurePosixPath(name).parents))[:2] for name in pictures))
    own = [folder for folder, _ in above.most_common(ROOTS) if folder != "."]
    return [*own, *search.config.storage.media_roots]


def _shown(search: _Search, best: _Try, root: str, pattern: str) -> tuple[_Try, int]:
    reading = (best.source.reading or Reading(files=())).model_copy(
        update={"media_root": root, "media_pattern": pattern}
    )
    source = best.source.model_copy(update={"reading": reading})
    seen = tuple(look(source, best.plan, search.config, TRIED, whole=False))
    found = sum(one.sample is not None for one in seen)
    way = f"pattern {pattern}" if pattern else f"root {root or 'the folder itself'}"
    search.say("media", way, f"{found} of {len(seen)} records become samples")
    return _Try(source, best.plan, seen), found
