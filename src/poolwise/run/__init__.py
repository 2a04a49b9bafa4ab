"""Run: the pure ``scheduler`` (events in, instructions out) and the one ``driver`` that carries them out."""
