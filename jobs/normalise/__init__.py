"""Source files to samples, media and rejects, in one Python pass."""
