"""The sample corpus of the demo: real content in publishers' native formats, made on the spot."""
