"""A diagnosis of somebody's own embeddings."""
