"""What differs between Keras's backends: one file each."""
