"""Files: read strictly, written in one step, checked by a hash, in folders that one process owns.

Every file that CALICO reads or stores goes through this package. It imports nothing else of the
project but the user's error, so that all top-level packages may import it:

    regular     bytes of regular files only, with a limit on their size
    strict_json, strict_yaml    parsers that refuse what a lenient one would guess about
    images      pictures of the allowed formats, whose size is checked before they are decoded
    atomic      whole files or none
    seal        a SHA-256 inside the file that it protects
    folders     output folders: what may be resumed, replaced or deleted
    lock        one process at a time in an output folder
    places      the cache folder of a user, with or without a home
    names       file names made of texts that came from elsewhere
"""

from calico.files.atomic import append_line, is_replaceable, name_file, open_atomic, write_atomic
from calico.files.errors import FileError
from calico.files.folders import (
    DAMAGED_NPZ,
    RUN_FILE,
    check_file,
    check_folder,
    claim_folder,
    make_folder,
    prepare_folder,
)
from calico.files.lock import LOCK_FILES, lock_folder
from calico.files.names import file_name
from calico.files.places import find_nearest, user_cache_dir
from calico.files.regular import open_regular, read_bytes, read_text
from calico.files.seal import SEAL_PLACEHOLDER, check_seal, is_sealed, seal, seal_zip
from calico.files.strict_json import (
    SEAL_KEY,
    parse_json,
    read_json,
    read_sealed_json,
    to_json,
    to_sealed_json,
)
from calico.files.strict_yaml import parse_yaml, read_yaml

__all__ = [
    "DAMAGED_NPZ",
    "LOCK_FILES",
    "RUN_FILE",
    "SEAL_KEY",
    "SEAL_PLACEHOLDER",
    "FileError",
    "append_line",
    "check_file",
    "check_folder",
    "check_seal",
    "claim_folder",
    "file_name",
    "find_nearest",
    "is_replaceable",
    "is_sealed",
    "lock_folder",
    "make_folder",
    "name_file",
    "open_atomic",
    "open_regular",
    "parse_json",
    "parse_yaml",
    "prepare_folder",
    "read_bytes",
    "read_json",
    "read_sealed_json",
    "read_text",
    "read_yaml",
    "seal",
    "seal_zip",
    "to_json",
    "to_sealed_json",
    "user_cache_dir",
    "write_atomic",
]
