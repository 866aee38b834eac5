"""Tables that lie inside vega_datasets."""

import json
from importlib.resources import files
from io import BytesIO

import pandas as pd


def table(name: str) -> pd.DataFrame:
    """A table by the name of its file; dates stay text (the package's own reader warns under pandas 3)."""
    data = files("vega_datasets").joinpath("_data", name).read_bytes()
    return pd.DataFrame(json.loads(data)) if name.endswith(".json") else pd.read_csv(BytesIO(data))
