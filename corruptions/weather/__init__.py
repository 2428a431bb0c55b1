"""Both sensors from one physical parameter."""
