"""What a training script records while it runs: parameters, metrics, and the metrics of every step.

Owns the files that `dvx.live` writes. Stands on `disk` and `core` alone, so that a training pulls in nothing else;
must not know of Git, pointers or stores.
"""
