"""Closed vocabularies that tables, configuration and row code share."""

from enum import StrEnum


class Group(StrEnum):
    """What happens to a source: A kept as is, B rewritten, C dropped, text on its own."""

    A = "A"
    B = "B"
    C = "C"
    TEXT = "text"


class Category(StrEnum):
    """The ten categories of the paper's Figure 3."""

    GENERAL = "General"
    OCR = "OCR"
    CHART = "Chart"
    CAPTION = "Caption"
    DOMAIN = "Domain-specific"
    MATH = "Code&Math"
    LANGUAGE = "Language"
    DETECTION = "Detection"
    MULTI_IMAGE = "Multi-Image"
    VIDEO = "Video"


class Modality(StrEnum):
    """What a sample shows beside its text."""

    IMAGE = "image"
    MULTI_IMAGE = "multi_image"
    VIDEO = "video"
    TEXT = "text"


class Role(StrEnum):
    """Who speaks in a turn."""

    USER = "user"
    ASSISTANT = "assistant"


class MediaKind(StrEnum):
    """One picture, or one video given as its sampled frames."""

    IMAGE = "image"
    VIDEO = "video"


class MediaStatus(StrEnum):
    """Whether a sample's pictures were read; `absent` samples are never published."""

    PRESENT = "present"
    ABSENT = "absent"
    NONE = "none"


class Verified(StrEnum):
    """How a catalogue entry is known: a publisher's file was read, its loader was read, or inferred."""

    REAL = "real"
    CODE = "code"
    INFERRED = "inferred"


class DropReason(StrEnum):
    """Why a record or sample was dropped."""

    MALFORMED = "malformed_record"
    WRONG_SHAPE = "wrong_shape"
    MISSING_FIELD = "missing_field"
    EMPTY_CONVERSATION = "empty_conversation"
    EMPTY_TURN = "empty_turn"
    UNKNOWN_ROLE = "unknown_role"
    TURN_ORDER = "turn_order"
    NO_ANSWER = "no_answer"
    PLACEHOLDER_MISMATCH = "placeholder_mismatch"
    MISSING_MEDIA = "missing_media"
    UNDECODABLE_MEDIA = "undecodable_media"
    MEDIA_OUTSIDE_ROOT = "media_outside_root"
    MEDIA_IS_URL = "media_is_url"
    MEDIA_TOO_LARGE = "media_too_large"
    MEDIA_UNSUPPORTED = "media_unsupported"
    ORPHAN_ANNOTATION = "orphan_annotation"
    ORPHAN_QUESTION = "orphan_question"
    RECORD_TOO_LARGE = "record_too_large"
    UNWANTED_SPLIT = "unwanted_split"
    DUPLICATE = "duplicate"
    NEAR_DUPLICATE = "near_duplicate"
    CONTAMINATED = "contaminated"


class TwinKind(StrEnum):
    """How a sample resembles its twin: another sample, or an entry of a benchmark."""

    EXACT = "exact"
    NEAR = "near"
    BENCHMARK_TEXT = "benchmark_text"
    BENCHMARK_PICTURE = "benchmark_picture"


class Purpose(StrEnum):
    """What an engine call is for."""

    REWRITE = "rewrite"
    JUDGE = "judge"
    SCORE = "score"


class EngineRole(StrEnum):
    """What an engine of the configuration is used for; one engine may have several roles."""

    TEXT = "text"
    VISION = "vision"
    JUDGE = "judge"


class EngineKind(StrEnum):
    """How an engine is reached; `stub` is for tests of faults and speed only."""

    VLLM = "vllm"
    ENDPOINT = "endpoint"
    STUB = "stub"


class CallStatus(StrEnum):
    """How one engine call ended; only `ok` and `length` carry a reply that counts as paid for."""

    OK = "ok"
    LENGTH = "length"
    INVALID = "invalid"
    ENGINE = "engine"
    TIMEOUT = "timeout"
    POISON = "poison"
    BUDGET = "budget"


class ParseStatus(StrEnum):
    """What the parser made of a rewrite reply."""

    OK = "ok"
    TRUNCATED = "truncated"
    EMPTY = "empty"
    UNPARSED = "unparsed"
    REFUSED = "refused"


class Verdict(StrEnum):
    """A judge's answer; no readable answer is a class of its own, never a No."""

    YES = "yes"
    NO = "no"
    UNPARSED = "unparsed"


class PairKind(StrEnum):
    """Whether a released row is a source's own conversation or a rewrite of it."""

    ORIGINAL = "original"
    REWRITTEN = "rewritten"


class ExportFormat(StrEnum):
    """What a release is exported as."""

    LLAVA = "llava"
    HF = "hf"
    WEBDATASET = "webdataset"
    MDS = "mds"


class Split(StrEnum):
    """Training stage of a released row: single-image or one-vision."""

    SI = "si"
    OV = "ov"
