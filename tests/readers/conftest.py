"""Property tests here write files, which a busy machine may do slowly: no deadline per example."""

from hypothesis import settings

settings.register_profile("files", deadline=None)
settings.load_profile("files")
