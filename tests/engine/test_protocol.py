"""Frames survive any cut of the stream."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from udfs.engine.protocol import Frame, FrameConnection, Op

FRAMES = st.builds(
    Frame,
    op=st.sampled_from(Op),
    request=st.integers(0, 2**32 - 1),
    key=st.text(st.characters(exclude_categories=["Cs"]), max_size=80),
    head=st.binary(max_size=50),
    body=st.binary(max_size=300),
)


@given(st.lists(FRAMES, max_size=6), st.integers(1, 64))
def test_frames_round_trip_in_pieces(frames: list[Frame], piece: int):
    seen: list[Frame] = []
    connection = FrameConnection(lambda _, frame: seen.append(frame), lambda _: None)
    stream = b"".join(frame.encode() for frame in frames)
    for start in range(0, len(stream), piece):
        connection.data_received(stream[start : start + piece])
    assert seen == frames


class Transport(asyncio.Transport):
    closed = False

    def close(self) -> None:
        self.closed = True


def test_a_stranger_is_shown_out():
    connection = FrameConnection(lambda _, __: None, lambda _: None)
    transport = Transport()
    connection.connection_made(transport)
    connection.data_received(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert transport.closed
