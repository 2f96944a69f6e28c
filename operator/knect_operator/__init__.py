"""The control plane: turns Connection and SyncPipeline resources into worker pods.

Must not: stand on the data path. Workers go on without it.
"""
