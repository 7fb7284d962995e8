"""Data of the sets: synthetic, and small images from MNIST."""
