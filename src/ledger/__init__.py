"""What is true: facts, movements, and the log that keeps them. No SQL, no web, no provider's words."""
