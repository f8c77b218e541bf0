"""Warm processes that trusted checks share: many attempts at a time in one event loop.

In the worker: ``worker``, ``script``, ``attribution``, ``loop``, ``outbox``. In the runner:
``workers``, ``handle``, ``attempt``. What both know: ``board``, ``messages``.
"""
