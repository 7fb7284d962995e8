"""The pages: a comparison, a watched training, a diagnosis."""
