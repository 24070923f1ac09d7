"""Reads the tables that people have (accounts, listings) into domain objects, problems by line and column."""
