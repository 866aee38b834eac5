"""Row code: plain Python on dataclasses; knows neither tables nor Spark sessions."""
