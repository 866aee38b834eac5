"""Splits that names of files and folders tell: a bare picture name of one split is another picture in the next.

Karpathy's `restval` is what is left of COCO's validation pictures and trained on; RefCOCO's tests are `testA`, `testB`.
"""

import re

_SPLITS = {
    "train": "train", "training": "train", "restval": "train", "val": "val", "valid": "val", "validation": "val",
    "dev": "val", "minival": "val", "test": "test", "testing": "test", "testdev": "test", "testa": "test",
    "testb": "test", "trainset": "train", "valset": "val", "devset": "val", "testset": "test",
}  # fmt: skip
_WORD = "|".join(sorted(_SPLITS, key=len, reverse=True)).replace("testdev", "test-?dev")
_NAMED = re.compile(rf"(?<![a-z])({_WORD})(?![a-z])")
_FOLDER = re.compile(rf"(?:[a-z]_)?({_WORD})[-_]?(?:\d{{1,4}})?(?:[-_]?(?:images?|imgs?|pictures?|photos?))?")
_ALONE = re.compile(rf"[a-z]+_(?:{_WORD})[a-z0-9]*_[0-9]{{5,}}|sa_[0-9]{{3,}}|s_\d+_e_\d+_shot_\d+_\d+")
_COCO = re.compile(r"[0-9]{12}")


def is_alone(stem: str, *, coco: bool = False) -> bool:
    """Whether a name tells its data set, its split if it has any, and its number, as `ADE_train_00000001` does.

    `coco`: the source shows pictures of COCO, which are known by number.
    """
    return bool(_ALONE.fullmatch(stem.lower()) or (coco and _COCO.fullmatch(stem)))


def splits_in(path: str) -> frozenset[str]:
    """The splits that a path names anywhere; `COCO_val2014_1.jpg` and `dev.json` name the same one."""
    return frozenset(_split(found[1]) for found in _NAMED.finditer(path.lower()))


def splits_of(file: str) -> frozenset[str]:
    """The splits of a file of records: those that its name tells, else its folder's, up to the first that tells any.

    Of `tqa_train_val_test/test/tqa_v2.json` that is `test`.
    """
    return next(filter(None, map(splits_in, reversed(file.split("/")))), frozenset())


def splits_said(value: object) -> frozenset[str]:
    """The splits that a record's field names; RefCOCO's are called testA and testB."""
    said = value.lower() if isinstance(value, str) else ""
    return frozenset({"test"}) if said.startswith("test") else splits_in(said)


def split_of(folder: str) -> str | None:
    """The split that a folder or archive of this name holds, as `train`, `val2017` and `a_test_images` say."""
    found = _FOLDER.fullmatch(folder.lower())
    return _split(found[1]) if found else None


def _split(word: str) -> str:
    return _SPLITS[word.replace("-", "")]
