"""Facts, cards, explanations and labels from tables; pages themselves are tested without Spark."""

import json
import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from corpora import SETS, SHAPES, Answered
from markupsafe import escape
from pyspark.sql import Row, SparkSession
from release_rows import GROUPS, PICTURES, Rows, digest, make_pair, make_verdict, settings

from jobs.agreement import Agreement
from jobs.gate.subject import Candidate, Counted, kappa_for
from jobs.labels import LabelFile, agreement, draw_pairs, draw_sheet, import_labels, parse_labels
from jobs.report.collect import collect
from jobs.report.compare import compare_judges
from jobs.report.explain import UnknownRowError, explain, render_explanation
from jobs.report.rejected import find_rejected, render_rejected
from jobs.report.report import report_html, report_markdown
from jobs.report.rows import Showing, overview, read_cards
from jobs.report.show import rows_html
from jobs.run import Options
from jobs.tables import Tables
from schemas.config import Config
from schemas.errors import ConfigError, InputError

NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def told(
    spark: SparkSession, samples: Rows, filled: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Tables, Options]:
    """The filled tables with two judges, two readings more, and their rejects; no test changes them."""
    root = tmp_path_factory.mktemp("told") / "root"
    shutil.copytree(filled, root)
    config = settings(root, "engine.model=small", "engine.gpus_per_engine=4", "engine.price.gpu_hour=2")
    tables = Tables(spark, config.storage)
    pairs = [make_pair(sample) for sample in samples if sample["source_id"] == "charts"]
    second = [
        make_verdict(pair, 0.2 if n % 4 == 0 else 0.9, judge_id="j2", judge="second") for n, pair in enumerate(pairs)
    ]
    scores = {"content_score": 4.0, "relevance_score": 5.0, "verdict": None, "label_mass": None}
    original = make_verdict(pairs[0], None) | scores
    original |= {"subject_kind": "original", "subject_id": pairs[0]["content_id"]}
    tables.append_rows("judged", [*second, original])
    asked = {"purpose": "judge", "model": "small", "status": "ok", "attempt": 1, "prompt_tokens": 10}
    asked |= {"latency_s": 3600.0 * config.engines[0].window}
    calls = [asked | {"call_key": digest("asked", n), "replayed": n > 0} for n in range(3)]
    tables.append_rows("calls", [*calls, asked | {"call_key": digest("down"), "status": "engine"}])
    tables.append_rows("runs", [reading(0, 7), reading(1, 5)])
    tables.append_rows("rejects", [reject("run0", n) for n in range(4)] + [reject("run1", n) for n in range(2)])
    return tables, Options(config, {})


def reading(run: int, records: int) -> dict[str, object]:
    at = NOW + timedelta(hours=run)
    return {
        "run_id": f"run{run}", "stage": "normalise", "source_id": "charts", "started": at, "ended": at,
        "records": records, "units": records, "rows_out": records - 2, "rejected": 2, "duplicates": 0, "facts": "{}",
    }  # fmt: skip


def reject(run_id: str, n: int) -> dict[str, object]:
    origin = {"file": "a.json", "position": n, "units": 1, "record_hash": digest("bad", n)}
    origin |= {"original_id": None, "notes": None}
    return {
        "stage": "normalise", "run_id": run_id, "source_id": "charts", "drop_reason": "no_answer",
        "detail": "nobody answers", "origin": origin, "excerpt": "{}",
    }  # fmt: skip


def test_facts_are_those_of_the_tables(told: tuple[Tables, Options]):
    facts = collect(*told, None, ("main", "second"))
    assert len(facts.intake) == len(GROUPS)
    charts = next(intake for intake in facts.intake if intake.source_id == "charts")
    assert (charts.source_id, charts.category, charts.group, charts.records) == ("charts", "Chart", "B", 5)
    assert [(r.reason, r.rows, r.place) for r in facts.reasons] == [("no_answer", 2, "charts a.json 0")]
    assert [(r.category, r.replies, r.pairs) for r in facts.rewrites] == [("Chart", 100, 100)]
    assert [(j.category, j.pairs, j.passed) for j in facts.judged] == [("Chart", 100, 70)]  # P(yes) from 0.30 on
    assert [(s.source_id, s.originals, s.content_original) for s in facts.scores] == [("charts", 1, 4.0)]
    assert sum(facts.lengths[0].values()) == sum(facts.lengths[1].values()) == 100
    assert facts.map is not None
    told_of = [(c.purpose, c.paid, c.replayed, c.failed, c.prompt) for c in facts.costs]
    assert told_of == [("judge", 1, 2, 1, 10), ("rewrite", 100, 0, 0, 0)]  # each rewrite was stored twice
    assert [(c.gpu_hours, c.money) for c in facts.costs] == [(4.0, 8.0), (0.0, 0.0)]
    assert facts.twins is None
    assert facts.compared is not None
    assert facts.compared.rows == (("Chart", 100, 70, 75),)
    upper = settings(Path(told[0].root), "publishing.threshold={kind: top_share, value: 0.2}")
    assert compare_judges(told[0], upper, ("main", "second")).rows == (("Chart", 100, 20, 20),)
    assert facts.release is None
    assert len(facts.cards) == 20
    assert "Run without a release" in report_html(facts)
    assert "Run without a release" in report_markdown(facts)


def test_cards_hold_pictures_verdicts_and_lineage(told: tuple[Tables, Options]):
    tables, options = told
    rows = overview(tables, options.config).where("kind = 'rewritten'").orderBy("p_yes")
    card, *_ = read_cards(tables, rows, Showing(2, 16))
    assert [o.judge for o in card.opinions] == ["main", "second"]
    assert card.opinions[0].p_yes == 0.0
    assert [(shot.media_id, shot.width, shot.height) for shot in card.shots] == [(PICTURES[0], 16, 15)]
    assert card.before[1].text.startswith("answer")
    assert card.after[1].text.startswith("because")
    assert dict(card.lineage)["release"] == "not in it"
    assert dict(card.lineage)["file"] == "a.json"
    assert card.checks["no_refusal"] is True


def test_a_video_shows_its_frames_and_absent_media_are_counted(told: tuple[Tables, Options]):
    tables, options = told
    rows = overview(tables, options.config).where("kind = 'original' AND source_id IN ('clips', 'hollow')")
    cards = {card.source_id: card for card in read_cards(tables, rows, Showing(6))}
    assert [shot.part for shot in cards["clips"].shots] == [0, 1, 2]
    assert (cards["hollow"].shots, cards["hollow"].more_shots) == ((), 1)


def test_a_row_is_explained_by_any_of_its_ids(told: tuple[Tables, Options], samples: Rows):
    tables, options = told
    sample = samples[0]
    pair = make_pair(sample)
    found = explain(tables, options, pair["pair_id"][:12])
    assert found.card.id == pair["pair_id"]
    assert found.reason in ("accepted", "below_threshold")
    assert [call.purpose for call in found.calls] == ["rewrite"]
    assert "neither in the tables nor in the package" in found.calls[0].rendering
    assert "not in the catalogue" in found.record.problem
    assert explain(tables, options, sample["sample_id"]).siblings == (pair["pair_id"],)
    with pytest.raises(UnknownRowError, match="no row has the id"):
        explain(tables, options, digest("bad", 1))
    rejected = find_rejected(tables, options, digest("bad", 1)[:10])
    assert rejected is not None
    assert (rejected.position, rejected.reason, rejected.run_id, rejected.newest) == (1, "no_answer", "run1", True)
    assert "nobody answers" in render_rejected(rejected)
    old = find_rejected(tables, options, digest("bad", 3))
    assert old is not None
    assert (old.run_id, old.newest) == ("run0", False)
    assert find_rejected(tables, options, digest("never")) is None
    with pytest.raises(ConfigError, match="is no id"):
        explain(tables, options, "x' OR 1=1")


def test_a_call_is_rendered_again_as_it_was_sent_and_its_record_read_again(done: Answered):
    tables, sources = done.tables, {source.source_id: source for source in (SHAPES, SETS)}
    pair = tables.read("rewritten").where("source_id = 'sets' AND position = 0").orderBy("pair_id").first()
    assert pair is not None
    found = explain(tables, Options(done.config, sources), pair["pair_id"][:16])
    assert {call.purpose for call in found.calls} >= {"rewrite", "judge"}
    assert all("equal to what was sent, byte for byte" in call.rendering for call in found.calls)
    stored = tables.read("media_bytes").select("media_id", "sha256").collect()
    shas = {row["media_id"]: row["sha256"] for row in stored}
    media = tables.read("samples").where(f"sample_id = '{pair['sample_id']}'").collect()[0]["media"]
    for call in found.calls:
        assert [sha for message in call.messages for sha in message.pictures] == [shas[name] for name in media]
    fewer = tuple(engine.model_copy(update={"max_pictures": 1}) for engine in done.config.engines)
    smaller = done.config.model_copy(update={"engines": fewer})
    then = explain(tables, Options(smaller, sources), pair["pair_id"][:16]).calls
    assert any("not what was sent" in call.rendering for call in then)
    rewrite = next(call for call in found.calls if call.purpose == "rewrite")
    assert str(escape(rewrite.reply)) in render_explanation(found)
    assert (found.record.same, found.record.problem) == (True, "")
    assert found.card.before[0].text.split()[-1] in found.record.text


def test_a_page_of_rows_says_whether_there_are_more(told: tuple[Tables, Options]):
    tables, options = told
    whole = rows_html(tables, options.config, "kind = 'original' -- all of them", 200)
    count = int(re.findall(r"All (\d+) rows where", whole)[0])
    assert f"The first {count - 1} rows by id, there are more," in rows_html(
        tables, options.config, "kind = 'original'", count - 1
    )
    with pytest.raises(ConfigError, match="--where cannot be asked"):
        rows_html(tables, options.config, "kind = 'original' OR")


def floored(config: Config, kappa: float, labels: int) -> Config:
    gate = config.gate.model_copy(update={"min_kappa": kappa, "min_labels": labels})
    return config.model_copy(update={"gate": gate})


def floors(tables: Tables, config: Config) -> None:
    """What the gate makes of labels: they count where a floor is asked for, and enough pairs are labelled."""
    ours = tables.read("judged").where("judge = 'main'").select("judge_id").distinct().collect()[0]["judge_id"]
    asked = Candidate("t", 0, 1, 1, "run", ours)
    assert kappa_for(tables, asked, floored(config, 0.4, 5)) == Counted(1)
    assert kappa_for(tables, asked, floored(config, 0.4, 1000)) == Counted(None), "too few pairs"
    odd = Path(tables.root, "labels", "notes.json")
    odd.write_text("{}")
    assert kappa_for(tables, asked, config) is None, "no floor is asked for"
    unread = kappa_for(tables, asked, floored(config, 0.4, 5))
    assert unread is not None
    assert (unread.value, str(odd) in unread.examples[0]) == (None, True)
    with pytest.raises(InputError, match=str(odd)):
        agreement(tables, config)
    odd.unlink()


def unsure(tables: Tables, config: Config, file: Path, labels: bytes) -> None:
    """Labels are there, and none says good or bad: that is no agreement."""
    assert agreement(tables, config) is None
    file.write_bytes(labels)
    import_labels(tables, str(file))
    assert agreement(tables, config) == Agreement(("Ann",), ())
    assert kappa_for(tables, Candidate("t", 0, 1, 1, "run", ""), floored(config, 0.4, 1)) == Counted(None)


def labelled(sheet: str, person: str, answers: dict[str, str]) -> bytes:
    labels = [{"id": key, "answer": answer, "note": ""} for key, answer in answers.items()]
    return json.dumps({"format": "mammoth-vl labels 1", "sheet": sheet, "labeller": person, "labels": labels}).encode()


def test_a_sheet_is_even_over_verdicts_and_its_labels_come_back(
    told: tuple[Tables, Options], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    tables, options = told
    sheet = draw_sheet(tables, options.config, 20, 3, None)
    ids = [card.id for card in sheet.cards]
    other = options.config.publishing.model_copy(update={"judge": "second"})
    seconds = options.config.model_copy(update={"publishing": other})
    release = Row(judge_id="j2", config=seconds.model_dump_json())
    with monkeypatch.context() as patch:
        patch.setattr("jobs.labels.manifest", lambda _, number: {7: release}[number])
        by_release = draw_pairs(tables, options.config, 20, 3, 7)
    assert by_release == draw_pairs(tables, seconds, 20, 3) != sorted(ids)
    assert sorted(ids) == draw_pairs(tables, options.config, 20, 3) != draw_pairs(tables, options.config, 20, 4)
    verdicts = {
        row["subject_id"]: row["verdict"]
        for row in tables.read("judged").where("judge = 'main' AND verdict IS NOT NULL").collect()
    }
    p_yes = {row["subject_id"]: row["p_yes"] for row in tables.read("judged").where("judge = 'main'").collect()}
    assert any(verdicts[key] == "no" and p_yes[key] >= 0.3 for key in ids)
    # As even as there are pairs of either side, whatever the judge's word was.
    dropped = sum(p_yes[key] < 0.3 for key in p_yes if p_yes[key] is not None)
    assert sum(p_yes[key] < 0.3 for key in ids) == min(10, dropped)
    file = tmp_path / "labels.json"
    unsure(tables, options.config, file, labelled(sheet.name, "Ann", dict.fromkeys(ids, "unsure")))
    for person in ("Ann", "ANN"):
        # As the threshold decides, which takes pairs that the judge's word refuses.
        answers = {key: "good" if p_yes[key] >= 0.3 else "bad" for key in ids}
        answers[ids[0]] = "unsure"
        file.write_bytes(labelled(sheet.name, person, answers))
        import_labels(tables, str(file))
    import_labels(tables, str(file))  # again: it takes the place of the first
    found = agreement(tables, options.config)
    assert found is not None
    assert sorted(found.people) == ["ANN", "Ann"], "two people, though a file's name knows no case"
    assert found.with_people("main") == 1
    assert -1 <= found.with_people("second") < 1
    second = tables.read("judged").where("judge = 'second'").select("judge_id").distinct().collect()
    alone = agreement(tables, options.config, second[0]["judge_id"])
    assert alone is not None
    assert (alone.judges, alone.with_people("second")) == (("second",), found.with_people("second"))
    floors(tables, options.config)
    nobody = agreement(tables, options.config, "")
    assert nobody is not None
    assert nobody.judges == ()
    whole = found.of("main", "Ann")
    assert whole is not None
    assert whole.items == 19


def test_labels_of_other_tables_are_refused(told: tuple[Tables, Options], tmp_path: Path):
    (tmp_path / "labels.json").write_bytes(labelled("s0", "Ann", {digest("unknown"): "good"}))
    with pytest.raises(InputError, match="1 of 1 labelled pairs were not judged"):
        import_labels(told[0], str(tmp_path / "labels.json"))
    with pytest.raises(InputError, match="cannot be read"):
        import_labels(told[0], str(tmp_path / "nowhere.json"))


GOOD = labelled("s0", "Ann", {"a" * 64: "good"})


@pytest.mark.parametrize(
    "damage",
    [
        lambda: b"", lambda: b"\xff\xfe", lambda: b"[]", lambda: GOOD[:-5],
        lambda: GOOD.replace(b"good", b"fine"), lambda: GOOD.replace(b'"s0"', b'"../../s0"'),
        lambda: GOOD.replace(b"Ann", b"<b>"), lambda: GOOD.replace(b"a" * 64, b"A" * 64),
        lambda: GOOD.replace(b"labels 1", b"labels 2"),
        lambda: GOOD.replace(b'"labels": [', b'"labels": [{"id": "' + b"a" * 64 + b'", "answer": "bad"}, '),
    ],
)  # fmt: skip
def test_damaged_label_files_are_refused(damage: Callable[[], bytes]):
    with pytest.raises(InputError, match="is no file of labels"):
        parse_labels(damage(), "labels.json")
    assert isinstance(parse_labels(GOOD, "labels.json"), LabelFile)


def test_a_name_that_is_not_allowed_is_told_in_words():
    for name in ("<b>", "", "n" * 61):
        with pytest.raises(InputError, match=f"labeller is '{name}'; allowed are a letter or digit"):
            parse_labels(labelled("s0", name, {"a" * 64: "good"}), "labels.json")


def test_a_file_without_labels_says_what_to_do():
    with pytest.raises(InputError, match=r"labels\.json holds no label\n.*choose good, bad or unsure"):
        parse_labels(labelled("s0", "Ann", {}), "labels.json")
