"""What is kept: projects and checks, runs with their transcripts, roll-ups, incidents, tokens.

SQLite or PostgreSQL, by SQLAlchemy Core. Functions take a connection, so that what must be true
together is written in one transaction: ``async with store.writing() as tx: ...``.
"""
