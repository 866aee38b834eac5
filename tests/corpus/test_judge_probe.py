"""The judge's probe is made of the corpus."""

from jobs.corpus.item import Item
from jobs.corpus.judge_probe import probes


def test_right_answers_are_the_corpus_own_and_wrong_ones_are_not(items: dict[str, list[Item]]):
    made = [item for some in items.values() for item in some]
    known = {(question, item.evidence): answer for item in made for question, answer in item.turns}
    counts = {True: 0, False: 0}
    for probe in probes():
        assert (known[probe.question, probe.evidence] == probe.answer) == probe.right, probe
        counts[probe.right] += 1
    assert counts[True] == counts[False] >= 12
