"""Pictures and videos: decoded in safety, standardised, described."""
