"""What storing something a second time did."""

from enum import StrEnum


class Saved(StrEnum):
    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"  # the very same was there already
    KEPT = "kept"  # another one is there, and it may not be changed any more
