"""The Waymo Open Dataset, version 2 (2.0.1): Parquet tables, read and written with pyarrow.

* `schema`: the components (tables) and their columns.
* `files`: one open file, its columns and its small tables.
* `pages`: where the pages of a column lie, and what is in them.
* `levels`: the integers of Parquet that are coded in runs.
* `index`: the row of every (timestamp, sensor), kept in the cache folder.
* `values`: range images and JPEG images of single rows.
* `tables`: calibrations, poses, labels and conditions of a segment.
* `reader`: segments, frame by frame.
* `rows`, `writer`: records to rows, and segments that are written with bounded memory.
"""

from calico.extras import require_extra

require_extra("Version 2 of the Waymo Open Dataset", "waymo")  # before the modules that import it
