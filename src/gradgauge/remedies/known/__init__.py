"""Every remedy, one file each."""
