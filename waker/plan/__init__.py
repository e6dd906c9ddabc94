"""The pure core: what is, and what should be done about it. No asyncio, no IO, no clock, no logging."""
