"""Report: the only room that makes prose, tables and progress lines of the values.

Importing ``explain`` teaches the values their words (``model.prose``); the api has it done when they first speak.
"""

from poolwise.model.pictures import Painter


def teach_words() -> None:
    """Register what the values say."""
    from poolwise.report import choice as choice  # noqa: PLC0415 - importing it is what this is for
    from poolwise.report import explain as explain  # noqa: PLC0415 - likewise
    from poolwise.report import race as race  # noqa: PLC0415 - likewise
    from poolwise.report import sweep as sweep  # noqa: PLC0415 - likewise
    from poolwise.report import timing as timing  # noqa: PLC0415 - likewise


def find_painter() -> Painter:
    """Give who draws the values."""
    from poolwise.report.pictures import gallery  # noqa: PLC0415 - few ask

    return gallery.OURS
