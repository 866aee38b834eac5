"""What to do about rejects, and about a source that is not read as declared: a sentence for each reason."""

from schemas.config import Storage
from schemas.enums import DropReason
from schemas.source import Source

HELD_OUT = (
    "nothing but a split that is kept for tests lies here, so it is read: leave it out of a release for training, "
    "or name the split under `reading.splits` of a catalogue file (--catalogue)"
)
FIELDS = "name the field under `reading.fields` of a catalogue file (--catalogue); the detail lists those there are"
BROKEN = "look at the record in its file; if the publisher ships it so, nothing is to be done: it stays a reject"
ADVICE = {
    DropReason.MALFORMED: "the file may be cut short or edited: compare its size and download it again",
    DropReason.WRONG_SHAPE: "another edition of the data? " + FIELDS,
    DropReason.MISSING_FIELD: FIELDS,
    DropReason.EMPTY_CONVERSATION: BROKEN,
    DropReason.EMPTY_TURN: BROKEN,
    DropReason.UNKNOWN_ROLE: BROKEN,
    DropReason.TURN_ORDER: BROKEN,
    DropReason.NO_ANSWER: "a test split that keeps its answers back? Leave its file away; else " + FIELDS,
    DropReason.PLACEHOLDER_MISMATCH: BROKEN,
    DropReason.UNDECODABLE_MEDIA: "the file is damaged, or an error page under a picture's name: download it again",
    DropReason.MEDIA_OUTSIDE_ROOT: "paths must lie below the media root: link or copy the files into it",
    DropReason.MEDIA_IS_URL: "nothing is fetched from links: download the pictures, and name their files with "
    "`reading.media_pattern`",
    DropReason.MEDIA_TOO_LARGE: "raise media.max_bytes, media.max_pixels or media.video_timeout_s to use them",
    DropReason.MEDIA_UNSUPPORTED: "convert them to JPEG or PNG",
    DropReason.ORPHAN_ANNOTATION: "the other file of the pair is missing, or of another split",
    DropReason.ORPHAN_QUESTION: "the other file of the pair is missing, or of another split",
    DropReason.RECORD_TOO_LARGE: BROKEN,
    DropReason.UNWANTED_SPLIT: "nothing, if this is for training: the publisher keeps it for tests",
    DropReason.DUPLICATE: "nothing: the twin that is kept is named in `rejects`",
}


def advise(reason: str, source: Source, storage: Storage, folder: str) -> str:
    """What to do next about records of a source that were dropped for this reason."""
    if reason == DropReason.MISSING_MEDIA:
        return _media(source, storage, folder)
    return ADVICE.get(DropReason(reason), BROKEN)


def _media(source: Source, storage: Storage, folder: str) -> str:
    root = source.reading.media_root if source.reading else ""
    blind = "--media skip checks annotations alone"
    origin = [f"storage.media_roots.{name}=FOLDER" for name in (source.reading.origin_roots if source.reading else ())]
    if not root and origin:
        return f"media were looked for below {folder}: put them there, or set {' and '.join(origin)}; {blind}"
    if not root:
        return f"media were looked for below {folder}: put them there, or name their folder by media_root; {blind}"
    known = storage.media_roots.get(root)
    looked = f"{known} (storage.media_roots.{root})" if known else f"{folder}/{root}"
    return f"media were looked for below {looked} and {folder}: set storage.media_roots.{root}=FOLDER; {blind}"


def compare_family(source: Source, family: str) -> str:
    """A word about files that are read otherwise than declared; empty when they are not."""
    declared = (source.reading and (source.reading.adapter or source.reading.family)) or source.family
    if declared == family:
        return ""
    return (
        f"the catalogue declares {declared}, which these files do not fit: another edition than expected? If {family} "
        "is wrong, say `family: ...` in a catalogue file of your own (--catalogue)"
    )
