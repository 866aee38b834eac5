"""The command line for spark-submit: `spark-submit --py-files mammoth_vl.zip jobs/main.py --profile cluster run`."""

import sys
from importlib import import_module
from pathlib import Path

if __name__ == "__main__":
    # A script started by its path has its own folder first on the path; the packages lie one above.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)
    import_module("jobs.cli.app").main(sys.argv[1:])
