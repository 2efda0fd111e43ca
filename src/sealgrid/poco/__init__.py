"""iExec's settlement protocol, PoCo, as pure data: orders, their hashes, identifiers, tags and refusals."""
