"""Where measurements go besides a Run: one file a target."""
