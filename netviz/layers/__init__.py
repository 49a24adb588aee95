"""The protocols: one file each, with the RFC it follows at its top."""
