"""The cause of a failure, proved by counterfactuals."""
