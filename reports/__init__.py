"""The result schema, the gate, and the writers (HTML, Markdown, JUnit, OpenMetrics).

The package knows JSON, not tensors.
"""
