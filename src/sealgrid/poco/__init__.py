"""iExec's settlement protocol PoCo: orders, their hashes, identifiers, tags, matching and revert reasons. Pure."""
