"""The suites: which rules each table must satisfy before a release is made of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from schemas.enums import (
    Category,
    Group,
    MediaKind,
    MediaStatus,
    Modality,
    PairKind,
    ParseStatus,
    Split,
    TwinKind,
    Verdict,
)
from schemas.expectations import (
    ALTERNATES,
    COUNTED_ROWS,
    LENGTH,
    NO_END,
    PICTURED,
    PLACED,
    SPOKEN,
    WORDS,
    Rule,
    Suite,
    at_most,
    every_row,
    filled,
    nothing_missing,
    one_of,
    quoted,
)
from schemas.gate import Gate
from schemas.log_suites import IN_LOG, calls, rejects, runs
from schemas.tables import INSTRUCT, JUDGED, MEDIA, MEDIA_BYTES, REWRITTEN, SAMPLES, TWINS

ROLES = "concat_ws(',', conversation.role)"
MODALITY = every_row(
    "modality_matches_media",
    "CASE modality WHEN 'text' THEN size(media) = 0 WHEN 'image' THEN size(media) = 1"
    " WHEN 'multi_image' THEN size(media) > 1 ELSE size(media) > 0 END",
    "as many media as the modality says",
    "concat(modality, ' with ', size(media), ' media')",
)


@dataclass(frozen=True)
class Expected:
    """What the rules know of the candidate before they look."""

    release_id: int
    rows: int
    """Rows that were chosen for it."""
    has_labels: bool = False
    """People have labelled pairs, so that the judge can be compared with them."""
    threshold: float = 0.0
    """Least P(yes) of a released rewrite; 0 where the best share is taken."""


def suites(gate: Gate, expected: Expected) -> Mapping[str, Suite]:
    """All suites by table."""
    found = (
        _samples(gate, expected), _media(), _media_bytes(), rejects(gate), _twins(gate), _rewritten(gate),
        _judged(gate, expected), _instruct(gate, expected), calls(), runs(),
    )  # fmt: skip
    return {suite.table.name: suite for suite in found}


def _turns(when: str = "") -> tuple[Rule, ...]:
    """Well-formed conversations; `when` is SQL that ends in OR."""
    return (
        every_row("conversation_alternates", f"({when}{ALTERNATES})", "user, assistant, ... assistant", ROLES),
        every_row("no_empty_turn", f"({when}{SPOKEN})", "text in every turn", "to_json(conversation)"),
    )


def _mean_words(key: str, gate: Gate, expected: Expected) -> Rule:
    """Of every row, or of so many that the keys' hashes pick."""
    every = max(1, expected.rows // COUNTED_ROWS)
    measure = f"avg(IF(pmod(xxhash64({key}), {every}) = 0, {WORDS}, NULL))"
    return Rule("mean_words", *gate.mean_words, measure, setting="gate.mean_words",
                next_step="look at some rows of each source with `mammoth-vl view`")  # fmt: skip


def _samples(gate: Gate, expected: Expected) -> Suite:
    rules = (
        Rule("columns"),
        Rule("rows", 1, NO_END, "count(*)"),
        Rule("key_unique"),
        nothing_missing(SAMPLES),
        one_of("group", Group),
        one_of("category", Category),
        one_of("modality", Modality),
        one_of("media_status", MediaStatus),
        *_turns(),
        every_row(
            "media_status_matches", "(media_status = 'none') = (size(media) = 0)", "none means no media",
            "concat(media_status, ' with ', size(media), ' media')",
        ),
        MODALITY,
        every_row("licence_told", "length(licence.spdx) > 0", "an SPDX identifier", "to_json(licence)"),
        every_row("origin_told", "length(origin.file) > 0", "a file", "to_json(origin)"),
        _mean_words("sample_id", gate, expected),
        *filled(SAMPLES, gate.filled),
        Rule("counts_match_log", allowed=f"samples of each source {IN_LOG}"),
        Rule("records_add_up", allowed="records = samples + rejects in each source"),
    )  # fmt: skip
    return Suite(SAMPLES, rules, "sample_id", "run `mammoth-vl normalise` again")


def _media() -> Suite:
    sizes = ("bytes", "width", "height", "frames", "parts", "standard_width", "standard_height")
    rules = (
        Rule("columns"),
        Rule("key_unique"),
        nothing_missing(MEDIA),
        one_of("kind", MediaKind),
        every_row("sizes_positive", " AND ".join(f"{n} > 0" for n in sizes), "1 or more",
                  f"to_json(struct({', '.join(sizes)}))"),
        every_row("picture_is_one_part", "kind <> 'image' OR parts = 1", "1 part", "string(parts)"),
        Rule("parts_stored", allowed="every medium of the release known, with each of its parts once in media_bytes"),
        Rule("decodes", allowed="every part of a fixed sample is a picture, the one that its hash names",
             setting="gate.decode_sample"),
    )  # fmt: skip
    return Suite(MEDIA, rules, "media_id", "delete these media from `media` and `media_bytes`, then normalise again")


def _media_bytes() -> Suite:
    """Small columns alone: the pictures themselves are looked at by `decodes`."""
    rules = (
        Rule("columns"),
        one_of("format", ("jpeg", "png")),
        every_row("place_and_size", "part >= 0 AND bucket >= 0 AND width > 0 AND height > 0 AND length(sha256) = 64",
                  "a part, a bucket, a size and a hash", "to_json(struct(part, bucket, width, height, sha256))"),
    )  # fmt: skip
    return Suite(
        MEDIA_BYTES, rules, "media_id", "delete these media from `media` and `media_bytes`, then normalise again"
    )


def _twins(gate: Gate) -> Suite:
    rules = (
        Rule("columns"),
        nothing_missing(TWINS),
        one_of("kind", TwinKind),
        every_row("similarity_in_range", "similarity IS NULL OR (similarity > 0 AND similarity <= 1)",
                  "above 0, at most 1", "string(similarity)"),
        every_row("twin_is_another", "twin <> sample_id", "another sample", "twin"),
        every_row("exact_is_dropped", "kind <> 'exact' OR dropped", "dropped", "string(dropped)"),
        Rule("counts_match_log", allowed=IN_LOG),
        Rule("samples_unchanged", allowed="as many samples as dedup looked at"),
        Rule("near_duplicates", 0, gate.max_near_duplicates, setting="gate.max_near_duplicates",
             allowed="share of the release", next_step="drop them: dedup.near=drop"),
        Rule("contaminated", 0, gate.max_contaminated, setting="gate.max_contaminated",
             allowed="share of the release", next_step="drop them: dedup.contamination=drop"),
    )  # fmt: skip
    return Suite(TWINS, rules, "sample_id", "run `mammoth-vl dedup` again")


def _rewritten(gate: Gate) -> Suite:
    rules = (
        Rule("columns"),
        Rule("key_unique"),
        nothing_missing(REWRITTEN),
        one_of("parse_status", ParseStatus),
        every_row("pair_is_whole", "position < 0 OR (length(instruction) > 0 AND length(response) > 0)",
                  "an instruction and a response", "concat(length(instruction), ' and ', length(response))"),
        every_row("no_pair_is_empty", "position >= 0 OR (parse_status <> 'ok' AND size(conversation) = 0)",
                  "no turns, and a reason", "concat(parse_status, ', ', size(conversation), ' turns')"),
        *_turns("position < 0 OR "),
        Rule("counts_match_log", allowed=IN_LOG),
        Rule("replies_parsed", gate.min_parsed_share, 1, setting="gate.min_parsed_share",
             next_step="look at replies with `mammoth-vl try`"),
    )  # fmt: skip
    return Suite(REWRITTEN, rules, "pair_id", "run `mammoth-vl rewrite --no-engine`")


def _judged(gate: Gate, expected: Expected) -> Suite:
    score = "({0} IS NULL OR (NOT isnan({0}) AND {0} BETWEEN 1 AND 5))"
    both = " AND ".join(score.format(name) for name in ("content_score", "relevance_score"))
    rules = [
        Rule("columns"),
        Rule("key_unique"),
        nothing_missing(JUDGED),
        one_of("subject_kind", PairKind),
        one_of("verdict", Verdict, may_lack=True),
        every_row("p_yes_in_range", "p_yes IS NULL OR (NOT isnan(p_yes) AND p_yes BETWEEN 0 AND 1)",
                  "0 to 1", "string(p_yes)"),
        every_row("verdict_has_p_yes", "coalesce(verdict, 'unparsed') = 'unparsed' OR p_yes IS NOT NULL",
                  "P(yes) beside yes and no", "verdict"),
        every_row("scores_in_range", both, "1 to 5", "concat_ws(' ', content_score, relevance_score)"),
        Rule("counts_match_log", allowed=f"verdicts {IN_LOG}"),
        Rule("verdicts_parsed", gate.min_parsed_share, 1, setting="gate.min_parsed_share",
             next_step="look at replies with `mammoth-vl try`"),
        Rule("drop_rate", gate.min_drop_rate, gate.max_drop_rate, setting="gate.min_drop_rate and gate.max_drop_rate",
             allowed="share of judged pairs dropped",
             next_step="look at view drop_rates; where nothing was counted, run `mammoth-vl judge` first"),
    ]  # fmt: skip
    if expected.has_labels and gate.min_kappa is not None:
        rules.append(
            Rule("agrees_with_people", gate.min_kappa, 1, setting="gate.min_kappa", allowed="mean Cohen's kappa",
                 next_step="see the report's section on agreement, and try another judge prompt; nothing was counted"
                           " where nobody labelled gate.min_labels of its pairs")
        )  # fmt: skip
    return Suite(JUDGED, tuple(rules), "subject_id", "run `mammoth-vl judge --no-engine`")


def _instruct(gate: Gate, expected: Expected) -> Suite:
    rules = (
        Rule("columns"),
        Rule("rows_chosen", expected.rows, expected.rows, "count(*)", allowed="the rows that were chosen"),
        Rule("min_rows", gate.min_rows, NO_END, "count(*)", setting="gate.min_rows",
             next_step="`mammoth-vl publish --dry-run` says what leaves rows out"),
        Rule("key_unique"),
        nothing_missing(INSTRUCT),
        every_row("release_id", f"release_id = {expected.release_id}", str(expected.release_id), "string(release_id)"),
        one_of("modality", Modality),
        one_of("category", Category),
        one_of("group", Group),
        one_of("kind", PairKind),
        one_of("split", Split),
        *_turns(),
        *_released_rows(gate, expected.threshold),
        _mean_words("id", gate, expected),
        *filled(INSTRUCT, gate.filled),
        *(
            Rule(f"share_of_{category.value}", *band, f"avg(IF(category = {quoted(category.value)}, 1, 0))",
                 setting="gate.category_bands", next_step="set publishing.category_shares")
            for category, band in gate.category_bands.items()
        ),
        Rule("samples_known", allowed="a sample of the same source, group, category and licence for every row"),
        Rule("pairs_known", allowed="the same conversation in `rewritten`, of the same sample and reply"),
        Rule("calls_known", allowed="a stored reply for every rewrite"),
        Rule("verdicts_known", allowed="the verdict in `judged` that the row names, with the same P(yes)"),
        Rule("dropped_stay_out", allowed="no sample that dedup dropped"),
    )  # fmt: skip
    return Suite(INSTRUCT, rules, "id", "publish again; the candidate stays in _staged_instruct")


def _released_rows(gate: Gate, threshold: float) -> tuple[Rule, ...]:
    licences = ", ".join(map(quoted, gate.licences))
    return (
        every_row("placeholders_match_media", f"IF(modality = 'video', {PLACED}, {PICTURED})",
                  "one placeholder of its kind per medium, in user turns", "to_json(conversation)"),
        MODALITY,
        every_row("conversation_length", at_most(gate.max_tokens),
                  f"at most {gate.max_tokens} words", f"string({LENGTH})", "gate.max_tokens"),
        every_row("licence_allowed", f"licence.spdx IN ({licences})" if licences else "length(licence.spdx) > 0",
                  ", ".join(gate.licences) or "any", "licence.spdx", "gate.licences"),
        every_row("rewrites_are_judged",
                  f"kind = 'original' OR (NOT isnan(quality.p_yes) AND quality.p_yes BETWEEN {threshold!r}D AND 1)",
                  f"P(yes) between {threshold:g} and 1", "string(quality.p_yes)"),
        every_row("quality_in_range",
                  "coalesce(quality.p_yes, 0) BETWEEN 0 AND 1 AND coalesce(quality.content, 1) BETWEEN 1 AND 5"
                  " AND coalesce(quality.relevance, 1) BETWEEN 1 AND 5", "P(yes) 0 to 1, scores 1 to 5",
                  "to_json(quality)"),
        every_row("lineage_complete",
                  "IF(kind = 'original', lineage.sample_id = id, lineage.pair_id = id AND lineage.call_key IS NOT NULL"
                  " AND lineage.prompt_version IS NOT NULL AND lineage.model IS NOT NULL)"
                  " AND lineage.origin.file IS NOT NULL",
                  "sample, file and, of a rewrite, call, prompt and model", "to_json(lineage)"),
        every_row("split_matches_modality",
                  "CASE modality WHEN 'text' THEN split = 'si' WHEN 'image' THEN true ELSE split = 'ov' END",
                  "si: single pictures and text; ov: everything but text", "concat(split, ' ', modality)"),
    )  # fmt: skip
