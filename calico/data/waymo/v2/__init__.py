"""The Waymo Open Dataset, version 2 (2.0.1): Parquet tables, read and written with pyarrow.

    schema     the components (tables) and their columns
    files      one open file: its footer, its columns, its small tables
    pages      where the pages of a column lie, and what is in them
    index      the row of every (timestamp, sensor), kept in the cache folder
    columns    large values of single rows: range images and JPEG images
    records    rows to the values of `calico.data.waymo.records`
    reader     segments, frame by frame
    rows       records to rows
    writer     segments, written with bounded memory
"""

from calico.extras import require_extra

require_extra("Version 2 of the Waymo Open Dataset", "waymo")  # before the modules that import it
