"""The Waymo Open Dataset (perception): both file versions, read without TensorFlow.

`v1` reads and writes TFRecord files of protos (1.4.3), `v2` Parquet tables (2.0.1). Both give and
take the same values (`records`), so that everything after them knows one form of a frame.
"""
