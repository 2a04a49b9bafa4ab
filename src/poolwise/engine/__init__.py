"""The process pool; ``README.md`` beside this file draws it. Only ``backends/processes.py`` enters here."""
