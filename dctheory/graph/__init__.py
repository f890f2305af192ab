"""The similarity graph: instances, exact spectrum, noise, estimation from embeddings."""
