"""A training under diagnosis, in each framework."""
