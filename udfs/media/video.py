"""Videos to sampled frames, in a process apart: FFmpeg may crash, hang or eat memory on a hostile file."""

import json
import signal
import subprocess
import sys
import tempfile
import weakref
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from schemas.config import Media
from schemas.enums import DropReason
from schemas.errors import Drop, PipelineError
from udfs.confined import start, stop
from udfs.media.item import MediaItem

READY = b"ready\n"
"""First line of a worker that can work."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An item, or the reason why there is none."""

    item: MediaItem | None = None
    reason: DropReason | None = None
    detail: str = ""


class VideoSampler:
    """Reads many videos through one worker process, which is replaced when it dies."""

    def __init__(self, limits: Media) -> None:
        self._limits = limits
        self._worker: subprocess.Popen[bytes] | None = None

    def sample(self, video: bytes | Path) -> MediaItem:
        """At most `video_frames` frames spread evenly, each standardised like a picture; or `Drop`.

        The detail tells apart a file that does not decode, one that ran out of time and one that killed its decoder.
        """
        if isinstance(video, Path):
            return self._sample(video)
        with tempfile.NamedTemporaryFile(prefix="mammoth-vl-video-") as copy:
            copy.write(video)
            copy.flush()
            return self._sample(Path(copy.name))

    def close(self) -> None:
        """End the worker; the next video starts another."""
        if self._worker is not None:
            stop(self._worker)
            self._worker = None

    def _sample(self, path: Path) -> MediaItem:
        size = path.stat().st_size
        if size > self._limits.video_max_bytes:
            at_most = f"at most {self._limits.video_max_bytes:,} are read"
            raise Drop(DropReason.MEDIA_TOO_LARGE, f"{size:,} bytes; {at_most}")
        line = self._ask(path)
        if not line.endswith(b"\n"):
            raise Drop(DropReason.UNDECODABLE_MEDIA, self._post_mortem())
        answer = msgspec.json.decode(line, type=Answer)
        if answer.item is None:
            raise Drop(answer.reason or DropReason.UNDECODABLE_MEDIA, answer.detail)
        return answer.item

    def _ask(self, path: Path) -> bytes:
        """The worker's answer, cut short when it died over it."""
        if self._worker is None or self._worker.poll() is not None:
            self.close()
            self._worker = self._start()
        question, answers = self._worker.stdin, self._worker.stdout
        assert question is not None
        assert answers is not None
        try:
            with suppress(BrokenPipeError):  # it has died; the missing answer says so
                question.write(json.dumps(str(path)).encode() + b"\n")
                question.flush()
            return answers.readline()
        except BaseException:
            self.close()  # interrupted: what it answers later would be taken for the next video's answer
            raise

    def _start(self) -> subprocess.Popen[bytes]:
        worker = start("udfs.media.worker", self._limits.model_dump_json())
        weakref.finalize(self, stop, worker)
        assert worker.stdout is not None
        if worker.stdout.readline() != READY:
            raise PipelineError(
                f"the video worker ended with status {worker.wait()} before it was ready",
                f"run `{sys.executable} -m udfs.media.worker '{{}}'` to see why",
            )
        return worker

    def _post_mortem(self) -> str:
        assert self._worker is not None
        status = self._worker.wait()
        self.close()
        if status == -signal.SIGALRM:
            return f"took longer than video_timeout_s={self._limits.video_timeout_s:g}"
        ending = signal.Signals(-status).name if status < 0 else f"status {status}"
        return f"killed its decoder ({ending})"
