"""JAX trainings, by set."""
