"""Exports in every format at two sizes: seconds, MB/s, peak memory and how it grows, beside a plain copy by pyarrow.

    python -m benchmarks.export [--rows 300 1200] [--kilobytes 600] [--heap 2g]

Publishes a release of pictures that it makes, then exports it in a process of its own for each format. MB are those of
the pictures; peak memory is that of the whole process tree (PSS). Run it from the repository root.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.picture_rows import RUN, SOURCE, measure, write_file
from schemas.enums import ExportFormat

COPY = (
    "import pyarrow.parquet as q, sys; f = q.ParquetFile(sys.argv[1]);"
    "w = q.ParquetWriter(sys.argv[2], f.schema_arrow); [w.write_batch(b) for b in f.iter_batches(16)]; w.close()"
)


def command(root: Path, hosts: Path, heap: str, *words: str) -> list[str]:
    """The command line on a root."""
    settings = (
        f"storage.root={root / 'out'}", f"storage.sources_root={root / 'sources'}", f"storage.host_dir={hosts}",
        f"spark.driver_memory={heap}", "engine.kind=stub", "engine.model=stub",
    )  # fmt: skip
    options = [part for setting in settings for part in ("--set", setting)]
    return [sys.executable, "-c", RUN, "--quiet", *options, "--catalogue", str(root), *words, "--json"]


def time_exports(rows: int, kilobytes: int, heap: str) -> dict[str, tuple[float, float]]:
    """Seconds and peak MB by format, of a release of so many pictures."""
    found = {}
    with tempfile.TemporaryDirectory(prefix="rows") as name, tempfile.TemporaryDirectory(prefix="mv") as hosts:
        root = Path(name)
        (root / "noise.yaml").write_text(SOURCE.replace("group: B", "group: A"))
        file = write_file(root / "sources" / "noise", rows, kilobytes)
        measure(command(root, Path(hosts), heap, "run", "--until", "publish"), Path(hosts))
        megabytes = file.stat().st_size / 2**20
        for form in ExportFormat:
            _, *figures = measure(command(root, Path(hosts), heap, "export", "--format", form), Path(hosts))
            found[form.value] = (figures[0], figures[1])
        _, *figures = measure([sys.executable, "-c", COPY, str(file), str(root / "copy")], Path(hosts))
        found["pyarrow copies"] = (figures[0], figures[1])
        for form, (seconds, peak) in found.items():
            rate = megabytes / seconds
            print(f"{rows:,} rows {form}: {seconds:.1f} s, {rate:.1f} MB/s, peak {peak:,.0f} MB", flush=True)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints each size, then the growth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, nargs=2, default=(300, 1200))
    parser.add_argument("--kilobytes", type=int, default=600)
    parser.add_argument("--heap", default="2g")
    chosen = parser.parse_args(arguments)
    small, large = (time_exports(rows, chosen.kilobytes, chosen.heap) for rows in chosen.rows)
    more = (chosen.rows[1] - chosen.rows[0]) * chosen.kilobytes / 1024
    for form, (seconds, peak) in large.items():
        rate = more / max(0.01, seconds - small[form][0])
        print(f"{form}: {rate:.0f} MB/s for what is more, peak {peak / small[form][1]:.2f} times")


if __name__ == "__main__":
    main()
