"""The Chromium that pages are looked at with. Run as a file, it installs one where the machine has none."""

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
# A page needs no network, and a browser that starts would ask its maker's hosts.
ARGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-quic",
)  # fmt: skip


def chromium() -> str | None:
    """Path of the machine's own, else of the one that playwright fetched, else None."""
    from playwright.sync_api import sync_playwright

    if found := next(filter(None, map(shutil.which, NAMES)), None):
        return found
    with sync_playwright() as playwright:
        fetched = playwright.chromium.executable_path
    return fetched if Path(fetched).is_file() else None


def installers() -> list[list[list[str]]]:
    """Ways to get one, best first, as commands: Debian's package for root, else playwright's own download."""
    ways = [[[sys.executable, "-m", "playwright", "install", "--no-shell", "chromium"]]]
    debian = sys.platform == "linux" and platform.freedesktop_os_release()["ID"] == "debian"
    if debian and os.geteuid() == 0 and shutil.which("apt-get"):
        ways.insert(0, [["apt-get", "update"], ["apt-get", "install", "-y", "--no-install-recommends", "chromium"]])
    return ways


def main() -> int:
    """0 in any case: without a browser the tests of pages are skipped, which pytest tells."""
    ways = installers()
    while chromium() is None and ways:
        way = ways.pop(0)
        sys.stderr.write(f"no Chromium for the tests of pages; trying: {' '.join(way[-1])}\n")
        for command in way:
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            subprocess.run(command, check=False, capture_output=True, env=environment)
    if chromium() is None:
        sys.stderr.write("no Chromium could be installed: tests that look at pages will be skipped\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
