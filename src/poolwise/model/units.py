"""Units that stand in the type where they do not stand in the name."""

from __future__ import annotations

from typing import TypeAlias

Seconds: TypeAlias = float
Bytes: TypeAlias = int
