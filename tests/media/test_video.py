import os
import select
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import av
import pytest
from PIL import Image

from schemas.config import Media
from schemas.enums import DropReason, MediaKind
from schemas.errors import Drop, PipelineError
from udfs.media import video
from udfs.media.item import MediaItem, sha256
from udfs.media.video import VideoSampler

LIMITS = Media(min_side=64, video_timeout_s=30)


@pytest.fixture(scope="module")
def sampler():
    sampler = VideoSampler(LIMITS)
    yield sampler
    sampler.close()


def dropped(sampler: VideoSampler, given: bytes | Path) -> Drop:
    with pytest.raises(Drop) as caught:
        sampler.sample(given)
    return caught.value


def shades(item: MediaItem) -> list[int]:
    """Index of the frame that each part shows, read from its grey."""
    pictures = [Image.open(BytesIO(part.data)).convert("L").reduce(16) for part in item.parts]
    return [round(picture.getpixel((5, 5)) / 2) for picture in pictures]


def test_frames_are_spread_from_first_to_last(sampler: VideoSampler, clip: Path):
    item = sampler.sample(clip)
    facts = item.facts
    assert item.media_id == sha256(clip.read_bytes())
    assert (facts.kind, facts.format, facts.bytes) == (MediaKind.VIDEO, "mp4/h264", clip.stat().st_size)
    assert (facts.frames, facts.fps, facts.duration_s, facts.parts) == (100, 20.0, 5.0, 8)
    assert (facts.width, facts.height, facts.standard_width, facts.notes) == (320, 240, 320, None)
    wanted = [0, 14, 28, 42, 57, 71, 85, 99]
    assert [part.at_s for part in item.parts] == [at / 20 for at in wanted]
    assert all(abs(seen - at) <= 1 for seen, at in zip(shades(item), wanted, strict=True))
    assert {part.format for part in item.parts} == {"jpeg"}


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("b.ts", "libx264", {"bf": "2"}),
        ("b.ts", "mpeg2video", {}),
        ("b.avi", "mpeg4", {}),
        ("b.avi", "libx264", {"bf": "2"}),
        ("b.mpg", "mpeg1video", {}),
        ("intra.avi", "mjpeg", {}),
        ("b.flv", "libx264", {"bf": "2"}),
        ("open.mkv", "libx264", {"bf": "3", "x264-params": "open-gop=1:keyint=12:scenecut=0"}),
        ("no_keys.mp4", "libx264", {"x264-params": "intra-refresh=1:keyint=250"}),
        ("late.mkv", "libx264", {"bf": "2"}),
    ],
)
def test_frames_are_found_in_every_container(
    sampler: VideoSampler, tmp_path: Path, name: str, codec: str, options: dict[str, str]
):
    with av.open(str(tmp_path / name), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.width, stream.height, stream.bit_rate = 320, 240, 2_000_000
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size, stream.codec_context.max_b_frames = 12, 2 * (codec != "mjpeg")
        for at in range(100):
            frame = av.VideoFrame.from_image(Image.new("RGB", (320, 240), (at * 2,) * 3))
            frame.pts = at + 50 * name.startswith("late")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    item = sampler.sample(tmp_path / name)
    assert (item.facts.frames, item.facts.duration_s) == (100, 4.0)
    wanted = [0, 14, 28, 42, 57, 71, 85, 99]
    assert [part.at_s for part in item.parts] == [at / 25 for at in wanted]
    assert all(abs(seen - at) <= 1 for seen, at in zip(shades(item), wanted, strict=True))


def test_bytes_and_path_give_the_same(sampler: VideoSampler, clip: Path):
    assert sampler.sample(clip.read_bytes()) == sampler.sample(clip)


def test_one_frame_is_the_middle_and_few_are_all(clip: Path):
    one = VideoSampler(Media(video_frames=1))
    assert [part.at_s for part in one.sample(clip).parts] == [2.45]
    one.close()
    many = VideoSampler(Media(video_frames=128))
    assert len(many.sample(clip).parts) == 100
    many.close()


def test_frames_meet_the_limits_of_pictures(clip: Path):
    sampler = VideoSampler(Media(min_side=300, model_max_pixels=100_000))
    item = sampler.sample(clip)
    sampler.close()
    assert all(part.width * part.height <= 100_000 for part in item.parts)
    assert item.facts.notes == "resized"


def test_a_turned_phone_is_turned_back(sampler: VideoSampler, clip: Path):
    data = bytearray(clip.read_bytes())
    matrix = data.index(b"tkhd") + 44  # version 0: the display matrix
    assert struct.unpack_from(">9i", data, matrix)[0] == 1 << 16
    struct.pack_into(">9i", data, matrix, 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    facts = sampler.sample(bytes(data)).facts
    assert (facts.width, facts.height, facts.notes) == (240, 320, "rotated")


def test_animated_gifs_are_videos_too(sampler: VideoSampler, encoded: Callable[..., bytes]):
    frames = [Image.new("RGB", (80, 80), (at * 20, 0, 0)) for at in range(12)]
    item = sampler.sample(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100))
    assert (item.facts.format, item.facts.frames, item.facts.parts, item.facts.fps) == ("gif/gif", 12, 8, 10.0)
    reds = [Image.open(BytesIO(part.data)).getpixel((9, 9))[0] for part in item.parts]
    assert reds == sorted(set(reds))


@pytest.mark.parametrize("cut", ["start", "half", "empty", "text", "playlist"])
def test_broken_videos_are_rejects(sampler: VideoSampler, clip: Path, tmp_path: Path, cut: str):
    data = clip.read_bytes()
    secret = tmp_path / "other.mp4"
    secret.write_bytes(data)
    broken = {
        "start": data[len(data) // 2 :],
        "half": data[: len(data) // 2],
        "empty": b"",
        "text": b"no video at all\n" * 9,
        "playlist": f"#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfile://{secret}\n#EXT-X-ENDLIST\n".encode(),
    }
    drop = dropped(sampler, broken[cut])
    assert drop.reason is DropReason.UNDECODABLE_MEDIA
    assert "/tmp" not in drop.detail


def test_large_videos_are_refused(clip: Path):
    assert dropped(VideoSampler(Media(video_max_bytes=99)), clip).reason is DropReason.MEDIA_TOO_LARGE
    sampler = VideoSampler(Media(max_pixels=320 * 239))
    assert dropped(sampler, clip).reason is DropReason.MEDIA_TOO_LARGE
    sampler.close()


def test_a_video_that_hangs_is_ended_and_the_next_one_works(tmp_path: Path, clip: Path):
    os.mkfifo(tmp_path / "hangs.mp4")  # nobody writes into it, so opening it never returns
    sampler = VideoSampler(Media(video_timeout_s=1))
    sampler.sample(clip)
    first = sampler._worker.pid
    drop = dropped(sampler, tmp_path / "hangs.mp4")
    assert (drop.reason, "video_timeout_s=1" in drop.detail) == (DropReason.UNDECODABLE_MEDIA, True)
    assert sampler.sample(clip).facts.frames == 100
    assert sampler._worker.pid != first
    sampler.close()


def test_a_worker_serves_many_videos_and_is_replaced_when_killed(clip: Path):
    sampler = VideoSampler(LIMITS)
    before = sampler.sample(clip)
    worker = sampler._worker
    assert sampler.sample(clip) == before
    assert sampler._worker is worker
    worker.kill()
    worker.wait()
    assert sampler.sample(clip) == before
    sampler.close()


def test_a_decoder_that_dies_is_a_reject(tmp_path: Path, clip: Path):
    fifo = tmp_path / "hangs.mp4"
    os.mkfifo(fifo)
    sampler = VideoSampler(LIMITS)
    sampler.sample(clip)

    def strike() -> None:
        with fifo.open("wb"):  # returns when the worker has opened the other end
            os.kill(sampler._worker.pid, signal.SIGSEGV)

    with ThreadPoolExecutor(1) as pool:
        blow = pool.submit(strike)
        drop = dropped(sampler, fifo)
        blow.result()
    assert (drop.reason, "SIGSEGV" in drop.detail) == (DropReason.UNDECODABLE_MEDIA, True)
    assert sampler.sample(clip).facts.frames == 100
    sampler.close()


def test_an_interrupted_question_is_not_answered_later(tmp_path: Path, clip: Path):
    fifo = tmp_path / "hangs.mp4"
    os.mkfifo(fifo)
    sampler = VideoSampler(LIMITS)
    sampler.sample(clip)

    def interrupt() -> None:
        with fifo.open("wb"):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(interrupt)
        with pytest.raises(KeyboardInterrupt):
            sampler.sample(fifo)
    assert sampler.sample(clip).facts.frames == 100
    sampler.close()


def test_a_worker_that_cannot_start_is_no_reject(monkeypatch: pytest.MonkeyPatch, clip: Path):
    monkeypatch.setattr(video.sys, "executable", "/bin/true")
    with pytest.raises(PipelineError, match="before it was ready"):
        VideoSampler(LIMITS).sample(clip)


def test_a_killed_parent_leaves_no_worker(clip: Path):
    code = (
        "import sys; from pathlib import Path; from schemas.config import Media\n"
        "from udfs.media.video import VideoSampler\n"
        "sampler = VideoSampler(Media()); sampler.sample(Path(sys.argv[1]))\n"
        "print(sampler._worker.pid, flush=True); sys.stdin.read()"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", code, str(clip)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root
    ) as parent:
        worker = os.pidfd_open(int(parent.stdout.readline()))
        parent.kill()
    ended, _, _ = select.select([worker], [], [], 20)
    os.close(worker)
    assert ended
