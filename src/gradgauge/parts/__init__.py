"""Named ingredients of a network, each with its paper: activations, initializers, and so on."""
