"""Pictures: charts and pages as values, drawn as SVG, in letters at a terminal, and with matplotlib."""
