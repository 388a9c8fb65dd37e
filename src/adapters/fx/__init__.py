"""The European Central Bank's tables of reference rates, as files: its own, and a history to begin with."""
