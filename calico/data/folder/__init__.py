"""Data of your own in a plain layout: Parquet tables, point files, images and calibrations.

`docs/guides/own_data.md` describes the layout. `source` reads it, `write` writes it.
"""

from calico.data.folder.source import FolderSource
from calico.data.folder.write import write_folder

__all__ = ["FolderSource", "write_folder"]
