"""Doors into other people's tools, one file a tool; each needs the extra of its name."""
