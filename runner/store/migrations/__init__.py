"""Alembic migrations; `HEAD` is the newest revision, written here so that a start need not import Alembic."""

HEAD = "0016"
