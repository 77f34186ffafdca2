"""Serinus inside servers that exist already.

None of these modules is imported with :mod:`serinus`, and none needs another package at import but the one that it is
named after: ``asgi``, ``vllm``, ``transformers`` and ``ray`` need none, ``fastapi`` needs FastAPI.
"""
