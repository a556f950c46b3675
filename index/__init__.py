"""Reference catalogs to embeddings, hashes and local features; matching a listing against them."""
