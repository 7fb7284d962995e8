"""Questions put to trained networks: which is better, and why."""
