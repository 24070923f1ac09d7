"""The HTTP API: FastAPI over the same services that the command line uses."""
