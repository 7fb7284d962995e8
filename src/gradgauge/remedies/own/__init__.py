"""Networks of somebody's own: their trainer, which is their own framework."""
