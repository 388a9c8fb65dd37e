"""Handlers of what is read, by subject: they ask the views, and hand on what these answer."""
