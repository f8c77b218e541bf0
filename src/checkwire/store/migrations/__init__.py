"""The steps from one revision of the schema to the next, run by ``store/schema.py``.

A new one: change ``tables.py``, write ``versions/NNNN_what.py``, add it to ``schema.REVISIONS``,
and keep a dump of the revision released before in ``tests/store/schemas``.
"""
