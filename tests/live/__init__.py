"""Scripts that run in a namespace of their own, each against a real netviz that captures there."""
