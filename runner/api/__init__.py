"""The HTTP side of the runner: the API over the services that the command line uses, and the live view."""
