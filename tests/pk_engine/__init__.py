TRANSFORMERS = "5.24"
"""The version that tests need whose models are of transformers' newest types.

The extra `lens` allows older ones. They lack some model types and have faults in others, so with
them such tests are skipped. `tests/test_lock.py` checks that the locked version is no older.
"""
