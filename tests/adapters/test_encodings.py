"""Text files in another encoding among those of a source: others say what they hold."""

from pathlib import Path

import pytest
from normalised import normalised

from schemas.errors import InputError

FORMS = {
    "sroie": ("0325updated.task1train(626p)/X{}", "1,2,3,4,5,6,7,8,TOTAL £{}".encode("latin-1"), "TOTAL £{}"),
    "rctw_17": ("train/image_{}", '1,2,3,4,5,6,7,8,0,"中{}"\r\n'.encode("gbk"), "中{}"),
}


def receipts(root: Path, name: str, bad: tuple[int, ...]) -> tuple[list[str], list[dict[str, str]]]:
    """What is said about five pictures, and the rejects."""
    place, text, _ = FORMS[name]
    encoding = "latin-1" if name == "sroie" else "gbk"
    files: dict[str, bytes] = {f"{place.format(at)}.jpg": b"" for at in range(5)}
    for at in range(5):
        line = text.replace(b"{}", str(at).encode())
        files[f"{place.format(at)}.txt"] = line if at in bad else line.decode(encoding).encode()
    found = normalised(root, name, files)
    said = [row["sample"]["conversation"][1]["text"] for row in found if row["sample"]]
    return said, [row["reject"] for row in found if row["reject"]]


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("bad", [(0,), (1,), (2,), (4,), (0, 2, 4)])
def test_one_in_another_encoding_is_a_reject_and_the_others_are_read(tmp_path: Path, name: str, bad: tuple[int, ...]):
    said, rejects = receipts(tmp_path, name, bad)
    assert said == [FORMS[name][2].format(at) for at in range(5) if at not in bad]
    assert [(reject["drop_reason"], reject["origin"]["file"]) for reject in rejects] == [
        ("malformed_record", f"{FORMS[name][0].format(at)}.txt") for at in bad
    ]
    assert all("not UTF-8" in reject["detail"] and "iconv" in reject["detail"] for reject in rejects)


@pytest.mark.parametrize("name", FORMS)
def test_where_all_are_the_encoding_is_named(tmp_path: Path, name: str):
    with pytest.raises(InputError, match=r"no family reads these files\..*0\.txt: text is not UTF-8; convert"):
        receipts(tmp_path, name, (0, 1, 2, 3, 4))
