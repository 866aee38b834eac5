"""The process in which videos are decoded: one path a line in, one JSON answer a line out.

`udfs.media.video` starts it and says why. It ends with its input, so that no parent can leave it behind, and by its
own alarm when a video takes too long.
"""

import json
import signal
import sys
from pathlib import Path

import msgspec

from schemas.config import Media
from schemas.enums import DropReason
from schemas.errors import Drop
from udfs.confined import confine
from udfs.media.frames import read_video
from udfs.media.video import READY, Answer

MEMORY_BYTES = 4 << 30


def serve() -> None:
    """Answer until the input ends; the only argument is the configuration's media section as JSON."""
    limits = Media.model_validate_json(sys.argv[1])
    confine(MEMORY_BYTES)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)  # ends the process even inside a decoder that never returns
    _write(READY)
    for line in sys.stdin.buffer:
        signal.setitimer(signal.ITIMER_REAL, limits.video_timeout_s)
        answer = _answer(Path(json.loads(line)), limits)
        signal.setitimer(signal.ITIMER_REAL, 0)
        _write(msgspec.json.encode(answer) + b"\n")


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _answer(path: Path, limits: Media) -> Answer:
    try:
        return Answer(read_video(path, limits))
    except Drop as drop:
        return Answer(reason=drop.reason, detail=drop.detail)
    except MemoryError:
        return Answer(reason=DropReason.MEDIA_TOO_LARGE, detail=f"needs more than {MEMORY_BYTES >> 30} GiB to decode")
    except Exception as error:  # noqa: BLE001 - decoders raise whatever a damaged file leads them to
        return Answer(reason=DropReason.UNDECODABLE_MEDIA, detail=f"does not decode: {_words(error)}")


def _words(error: Exception) -> str:
    """Without the path, which for embedded videos is another one each time."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


if __name__ == "__main__":
    serve()
