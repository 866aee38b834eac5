"""Media in archives that lie in a root, or one folder below it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

from schemas.config import Media
from schemas.errors import Drop
from udfs import archives, files, members
from udfs.media.wanted import Wanted


class Packed:
    """Archives of some roots, listed once, and what lies in them.

    What is wrong with them is put into `wrong`, a sentence each.
    """

    def __init__(self, folders: Callable[[str], Sequence[str]], limits: Media) -> None:
        self._folders = folders
        self._limits = limits
        self._there: dict[str, Sequence[tuple[str, tuple[int, int]]]] = {}

    def holding(self, roots: Mapping[str, str], wanted: Wanted, wrong: dict[str, None]) -> Iterator[members.Member]:
        """The medium in each archive that holds it."""
        for uri, stamp, name in self._each(roots):
            try:
                found = archives.find_member(uri, wanted.inside(uri, name), wanted.may_lie_in, stamp, self._limits)
            except Drop as drop:
                wrong[f"; {drop.detail}"] = None
                continue
            if found is not None and _may_be(uri, wanted):
                yield found
            elif found is not None:
                wrong[f"; {uri} has one of another split"] = None

    def frames(self, roots: Mapping[str, str], wanted: Wanted, wrong: dict[str, None]) -> list[members.Member]:
        """Pictures of the folder that stands for a video, in the first archive that has it."""
        for uri, stamp, name in self._each(roots):
            places = wanted.inside(uri, name) if _may_be(uri, wanted) else []
            try:
                found = archives.find_frames(uri, places, wanted.may_lie_in, stamp, self._limits) if places else []
            except Drop as drop:
                wrong[f"; {drop.detail}"] = None
                continue
            if found:
                return found
        return []

    def _each(self, roots: Mapping[str, str]) -> Iterator[tuple[str, tuple[int, int], str]]:
        for root, name in roots.items():
            if root not in self._there:
                there = archives.archives_in(root, self._folders(root))
                self._there[root] = [(uri, files.stamp(uri)) for uri in there]
            yield from ((uri, stamp, name) for uri, stamp in self._there[root])


def _may_be(uri: str, wanted: Wanted) -> bool:
    return all(map(wanted.may_lie_in, (archives.stem_of(uri), str(PurePosixPath(uri).parent))))
