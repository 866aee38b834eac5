"""Sides of a record that lie in folders of their own under one name, however few records there are."""

from pathlib import Path

import pytest
from normalised import normalised

from jobs.readers.folders import gather

FEW = pytest.mark.parametrize("count", [1, 2, 3, 5])


@FEW
@pytest.mark.parametrize("split", ["", "train/", "SROIE2019/train/"])
def test_boxes_and_keys_of_receipts(tmp_path: Path, count: int, split: str):
    box, keys = "1,1,9,1,9,3,1,3,TAN WOON\n", '{"company": "TAN", "total": "9.00"}'
    files = {f"{split}box/X{at}.txt": box for at in range(count)}
    files |= {f"{split}entities/X{at}.txt": keys for at in range(count)}
    rows = normalised(tmp_path, "sroie", files)
    told = [[turn["text"] for turn in row["sample"]["conversation"]][1::2] for row in rows if row["sample"]]
    assert told == [["TAN WOON", keys]] * count
    assert not any(row["reject"] for row in rows)


@FEW
def test_captions_titles_and_tables_of_charts(tmp_path: Path, count: int):
    files = {f"dataset/captions/{at}.txt": f"It shows {at}." for at in range(count)}
    files |= {f"dataset/titles/{at}.txt": f"Chart {at}" for at in range(count)}
    files |= {f"dataset/data/{at}.csv": "Year,Rain\n2001,3\n" for at in range(count)}
    samples = [row["sample"] for row in normalised(tmp_path, "chart2text_cauldron", files) if row["sample"]]
    assert sorted((sample["conversation"][-1]["text"], sample["evidence"]) for sample in samples) == [
        (f"It shows {at}.", f"Chart {at}\nYear | Rain\n2001 | 3") for at in range(count)
    ]


@FEW
def test_records_with_a_folder_each_stay_one_kind(tmp_path: Path, count: int):
    names = [f"train/{at}/{name}.json" for at in range(count) for name in ("data", "logic_form")]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text('{"question": "?"}' if "data" in name else '{"lines": []}')
    assert gather(str(tmp_path), names)["train/*/data.json"].names == tuple(names[::2])
