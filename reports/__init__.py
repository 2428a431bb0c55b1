"""The result schema, the gate, and the writers (HTML, Markdown, JUnit, OpenMetrics). Knows JSON, not tensors."""
