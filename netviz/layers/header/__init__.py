"""Headers of fixed layout: each is described once, field by field, and read by its description."""
