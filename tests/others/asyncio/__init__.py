"""Event loops of other makes than asyncio's own, and what runs in them."""
