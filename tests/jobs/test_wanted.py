"""Call keys in SQL are those of row code, whatever a field holds."""

import pytest
from pyspark.sql import SparkSession
from pyspark.sql import functions as f

from jobs.wanted import encoded, key_column
from schemas.enums import Purpose
from udfs.ids import field
from udfs.render.keys import CallFields, call_key

NASTY = [
    "", "-;", "0:;", "1:a;", "a;1:b", "3:abc;", ";", ":", "12", "é", "e\u0301", "日本語", "\U0001f600", "\u200b",
    "\n\t", "'\"\\", "${x}", "%s", "NULL", "None", " ", "a" * 4000, "\u0000x", "ab|cd", "a,b",
]  # fmt: skip


def call(subject: str, recipe: str, model: str, sampling: str) -> CallFields:
    return CallFields(Purpose.JUDGE, subject, "p;1", "1", recipe, model, "5:r", sampling)


@pytest.mark.parametrize("model", ["smol; 3:a", "é:1;"])
def test_keys_agree(spark: SparkSession, model: str):
    sampling = '{"labels":["Yes","No"],"temperature":0.0}'
    rows = [(subject, recipe) for subject in NASTY for recipe in ("text", "px1/2;3:x")]
    frame = spark.createDataFrame(rows, "subject string, recipe string").coalesce(1)
    key = key_column(call("", "", model, sampling), f.col("subject"), f.col("recipe"))
    found = [(row[0], row[1], row[2]) for row in frame.select("subject", "recipe", key).collect()]
    assert found == [(s, r, call_key(call(s, r, model, sampling))) for s, r in rows]
    assert len({row[2] for row in found}) == len(rows)


def test_fields_agree_and_null_is_no_text(spark: SparkSession):
    values: list[str | None] = [None, *NASTY]
    frame = spark.createDataFrame([(value,) for value in values], "value string").coalesce(1)
    found = [row[0] for row in frame.select(encoded(f.col("value"))).collect()]
    assert found == [field(value) for value in values]
    assert len(set(found)) == len(values)
