"""The label-efficiency benchmark: what pre-training is worth, by number of labels.

Protocol: docs/explanation/pretraining.md.
"""
