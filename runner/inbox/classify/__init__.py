"""What a Message wants: its type, how sure that is, and the facts in it."""
