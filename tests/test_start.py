"""A command begins at once: what takes seconds to import waits until it is needed."""

import subprocess
import sys

SLOW = ("great_expectations", "matplotlib", "openTSNE", "pandas", "scipy", "sklearn")
PROGRAM = f"import sys, jobs.cli.app; print([name for name in {SLOW} if name in sys.modules])"


def test_no_command_imports_what_only_some_need():
    told = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
