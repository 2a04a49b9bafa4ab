"""The public verbs; each file tells its story from top to bottom."""
