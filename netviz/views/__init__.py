"""How events look: each view is a function from events to lines or drawables."""
