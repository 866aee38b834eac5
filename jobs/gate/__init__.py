"""The release gate: numbers of each table in one pass, judged by Great Expectations, kept as a verdict in `gates`."""
