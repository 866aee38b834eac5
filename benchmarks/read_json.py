"""Reading one huge JSON array: this project's reader against others, each in a process of its own.

    python benchmarks/read_json.py [--megabytes 300]

Every reader walks all records of the same generated file and adds up the length of one field, so that the sums can be
compared. Readers that are not installed are left out. Speed is per second of CPU time, so that other work on the
machine does not count; the ranges of our reader can be read by as many tasks as there are.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


def ours(path: Path) -> Iterator[Any]:
    """Scan, plan and read, record hashes included."""
    from jobs.readers import layouts, plan_ranges, read

    (layout,) = layouts(str(path))
    for part in plan_ranges(str(path), path.name, layout, 32 << 20):
        for record in read(str(path.parent), part):
            yield record.value


def json_load(path: Path) -> Iterator[Any]:
    """The standard library, whole file in memory."""
    with path.open("rb") as stream:
        yield from json.load(stream)


def msgspec_whole(path: Path) -> Iterator[Any]:
    """msgspec, whole file in memory."""
    import msgspec

    yield from msgspec.json.decode(path.read_bytes())


def raw_decode(path: Path) -> Iterator[Any]:
    """The standard library's decoder, record after record over a window: streaming in constant memory."""
    decode, text = json.JSONDecoder().raw_decode, ""
    with path.open(encoding="utf-8") as stream:
        stream.read(1)
        while True:
            text = text.lstrip(", \n")
            try:
                value, end = decode(text)
            except json.JSONDecodeError:
                more = stream.read(1 << 20)
                if not more:
                    return
                text += more
                continue
            yield value
            text = text[end:]


def ijson_items(path: Path) -> Iterator[Any]:
    """ijson with its fastest backend."""
    import ijson

    with path.open("rb") as stream:
        yield from ijson.items(stream, "item")


READERS: dict[str, Callable[[Path], Iterator[Any]]] = {
    "ours": ours,
    "json.load": json_load,
    "msgspec": msgspec_whole,
    "raw_decode": raw_decode,
    "ijson": ijson_items,
}


def generate(path: Path, megabytes: int) -> None:
    """Records of about 1.7 KB, as instruction datasets have them."""
    with path.open("w", encoding="utf-8") as out:
        number, written = 0, out.write("[")
        while written < megabytes * 1_000_000:
            talk = [{"from": who, "value": f'{number}: "say" ' + "word [a] é\n" * 30} for who in ("human", "gpt") * 2]
            record = {"id": str(number), "image": f"images/{number}.jpg", "conversations": talk}
            written += out.write(", \n" * (number > 0) + json.dumps(record))
            number += 1
        out.write("]")


def measure(name: str, path: Path) -> None:
    """Prints CPU seconds, records, sum and peak memory in MB of one reader; runs in a process of its own."""
    start, count, total = time.process_time(), 0, 0
    for value in READERS[name](path):
        count, total = count + 1, total + len(value["conversations"][0]["value"])
    seconds = time.process_time() - start
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(seconds, count, total, int(peak.split()[1]) // 1024)


def run(name: str, path: Path) -> tuple[float, tuple[str, str], int] | None:
    """What `measure` printed, or None when the reader failed."""
    command = [sys.executable, __file__, "--reader", name, "--file", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        print(f"{name:12} failed: {done.stderr.strip().splitlines()[-1:]}")
        return None
    seconds, count, total, peak = done.stdout.split()
    return float(seconds), (count, total), int(peak)


def compare(megabytes: int) -> None:
    """One table of all readers, and ratios of their speed and memory to ours."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "array.json"
        generate(path, megabytes)
        size = path.stat().st_size / 1e6
        print(f"{size:.0f} MB, one process each\n{'reader':12} {'MB/s':>7} {'peak MB':>8} {'speed':>7} {'memory':>7}")
        reference = None
        for name in READERS:
            if name == "ijson" and importlib.util.find_spec("ijson") is None:
                continue
            result = run(name, path)
            if result is None:
                continue
            reference = reference or result
            if result[1] != reference[1]:
                raise SystemExit(f"{name} read {result[1]}, ours read {reference[1]}")
            speed, memory = reference[0] / result[0], result[2] / reference[2]
            print(f"{name:12} {size / result[0]:7.1f} {result[2]:8} {speed:6.2f}x {memory:6.2f}x")


def main() -> None:
    """Compares all readers, or measures one when called by itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=300)
    parser.add_argument("--reader", choices=READERS, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.reader:
        sys.path.insert(0, str(ROOT))
        measure(arguments.reader, arguments.file)
    else:
        compare(arguments.megabytes)


if __name__ == "__main__":
    main()
