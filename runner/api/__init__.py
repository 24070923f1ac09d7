"""The HTTP side of the runner: the live view today."""
