"""The scenes of each split.

The official splits are lists of scene numbers.

Source: nuScenes devkit 1.2.0, `utils/splits.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from calico.errors import CalicoError
from calico.files import read_json

_TRAIN = (
    "1-2 4-11 19-34 41-76 120-135 138-139 149-152 154-155 157-168 170-185 187-188 190-196 199-200 "
    "202-204 206-214 "
    "218-220 222 224-264 283-306 315-318 321 323-324 328 347-386 388-403 405-408 410-459 461-465 "
    "467-469 471-472 "
    "474-480 499-502 504-515 517-518 525-539 541-546 566 568 570-578 580 582-600 639-679 681 "
    "683-689 695-698 "
    "700-701 703-719 726-728 730-731 733-741 744 746-747 749-752 757-765 767-769 786-787 789-792 "
    "803-806 808-813 "
    "815-817 819-822 847-856 858 860-866 868-873 875-878 880 882-903 945 947 949 952-953 955-961 "
    "975-984 988-992 "
    "994-1025 1044-1058 1074-1102 1104-1110 "
)
_VAL = (
    "3 12-18 35-36 38-39 92-110 221 268-278 329-332 344-346 519-524 552-565 625-627 629-630 "
    "632-638 770-771 775 "
    "777-778 780-784 794-800 802 904-917 919-931 962-963 966-969 971-972 1059-1073"
)
_TEST = (
    "77-91 111-119 140 142-148 265-266 279-282 307-314 333-343 481-498 547-551 601-604 606-624 "
    "827-831 833-842 "
    "844-846 932-933 935-943 1026-1043"
)
OFFICIAL = {
    "train": _TRAIN,
    "val": _VAL,
    "test": _TEST,
    "mini_train": "61 553 655 757 796 1077 1094 1100",
    "mini_val": "103 916",
}
"""Scene numbers and ranges, both ends included. Two scenes of mini_train belong to val: never mix
the two systems."""


def official_scenes(split: str) -> tuple[str, ...]:
    """Scene names of an official split, by number."""
    names: list[str] = []
    for part in OFFICIAL[split].split():
        first, _, last = part.partition("-")
        names += [f"scene-{number:04d}" for number in range(int(first), int(last or first) + 1)]
    return tuple(names)


def custom_splits(tables: Path) -> dict[str, tuple[str, ...]]:
    """Read the scenes by split of <tables>/splits.json; without the file there are none."""
    path = tables / "splits.json"
    if not path.exists():
        return {}
    content = read_json(path, what="splits")
    lists = content.values() if isinstance(content, dict) else [None]
    if not all(
        isinstance(names, list) and all(isinstance(name, str) for name in names) for names in lists
    ):
        raise CalicoError(
            f"{path}: expected an object of split names, each with a list of scene names"
        )
    return {name: tuple(scenes) for name, scenes in content.items()}


def split_scenes(tables: Path, split: str, present: Sequence[str]) -> tuple[str, ...]:
    """The scenes of a split that the tables have, in the tables' order.

    Args:
        tables: folder of the tables; its splits.json, where there is one, comes before the official
            names.
        split: a name of splits.json, an official name, one scene ("scene-0061"), or "all". In a
            folder whose name ends in
            "mini", train and val mean mini_train and mini_val, as in the devkit.
        present: names of the scene table.

    Raises:
        CalicoError: the split is unknown, or none of its scenes is present.
    """
    custom = custom_splits(tables)
    if split == "all":
        wanted: tuple[str, ...] = tuple(present)
    elif split in custom:
        wanted = custom[split]
    elif split in OFFICIAL:
        mini = tables.name.endswith("mini") and split in ("train", "val")
        wanted = official_scenes(f"mini_{split}" if mini else split)
    elif split in present:
        wanted = (split,)
    else:
        known = ", ".join([*custom, *OFFICIAL, "all"])
        raise CalicoError(
            f"{tables}: unknown split '{split}'; expected one of {known}, or one scene of "
            f"{_some(present)}. "
            "Splits of your own go into splits.json beside the tables."
        )
    chosen = tuple(name for name in present if name in set(wanted))
    if not chosen:
        raise CalicoError(
            f"{tables}: split '{split}' has none of the {len(present)} scenes there "
            f"({_some(present)}); "
            "choose another split, or list your scenes in splits.json beside the tables"
        )
    return chosen


def _some(names: Sequence[str]) -> str:
    shown = [name if name.isprintable() else ascii(name) for name in names[:4]]
    return ", ".join(shown) + (", ..." if len(names) > 4 else "")
