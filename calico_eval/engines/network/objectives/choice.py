"""Choose the objective for a frame: the wanted one, or another where that has nothing to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from calico.config.schema import Config
from calico.errors import CalicoError
from calico.frame import Bool, Frame
from calico_eval.engines.network.objectives.cells import (
    class_names,
    false_object_fits,
    hide_targets,
    target_class,
)
from calico_eval.engines.network.objectives.table import OBJECTIVES, Need


def choose_objective(wanted: str, frame: Frame, config: Config) -> tuple[str, str]:
    """Choose the objective to use on one frame.

    A frame without an object on the grid has nothing to hide. There "create" raises false alarms,
    see `Objective.instead`.

    Args:
        wanted: Name of the objective that the user asked for.
        frame: Clean frame with its ground truth.
        config: Configuration of the model.

    Returns:
        The objective's name and, where it is not the wanted one, the reason ("" otherwise).

    Raises:
        CalicoError: The model lacks a head or the classes that the objective reads.
    """
    check_model(wanted, config)
    reason = _lacking(wanted, frame, config)
    if not reason:
        return wanted, ""
    instead = next(name for name in OBJECTIVES[wanted].instead if not _lacking(name, frame, config))
    return instead, f"{reason}: objective '{instead}' instead of '{wanted}'"


def usual_objective(configs: Iterable[Config]) -> str:
    """Name what an attack raises where the user names nothing.

    Args:
        configs: Configurations of the attacked models.

    Returns:
        "hide", or "map_erase" if all of them only draw maps.
    """
    heads = [config.model.detection for config in configs]
    return "map_erase" if heads and all(head is None for head in heads) else "hide"


def check_model(wanted: str, config: Config) -> None:
    """Check that the model has what an objective reads.

    Args:
        wanted: Name of the objective.
        config: Configuration of the model.

    Raises:
        CalicoError: The model lacks a head or the classes that the objective reads.
    """
    if wanted not in OBJECTIVES:
        raise CalicoError(
            f"attack objective '{wanted}': is the loss of a model of the user's own, and this is "
            f"CALICO's network; expected one of {', '.join(OBJECTIVES)}"
        )
    present = {"detection": config.model.detection, "map": config.model.map}
    heads, names = OBJECTIVES[wanted].heads, class_names(config)
    for head in heads:
        if present[head] is None:
            raise CalicoError(
                f"attack objective '{wanted}': the model has no {head} head (model.{head} is "
                "null); "
                f"expected a model with {' and '.join(heads)}"
            )
    if wanted == "flip" and len(names) < 2:
        raise CalicoError(
            f"attack objective 'flip': the model knows only {names[0]}; expected two classes or "
            "more"
        )
    if wanted == "create_at" and target_class(config) is None:
        taxonomy = config.taxonomy.build()
        if taxonomy.target is None:
            raise CalicoError(
                "attack objective 'create_at': expected a class of the group 'vehicle', and "
                "taxonomy "
                f"{taxonomy.name} has none (taxonomy.groups)"
            )
        raise CalicoError(
            "attack objective 'create_at': the model does not know "
            f"{taxonomy.names[taxonomy.target]}; it knows {', '.join(names)}"
        )


def _lacking(name: str, frame: Frame, config: Config) -> str:
    """Say what the frame lacks for an objective, or "" where it has all."""
    return next(
        (text for need in OBJECTIVES[name].needs if (text := _NEEDS[need](frame, config))), ""
    )


def _object(frame: Frame, config: Config) -> str:
    seen = frame.boxes.select(frame.boxes.num_points > 0)
    found = hide_targets(seen.boxes[:, :2], seen.labels, config)
    return "" if found else "no object with LiDAR points on the grid"


def _free_place(frame: Frame, config: Config) -> str:
    seen = frame.boxes.select(frame.boxes.num_points > 0)
    return "" if false_object_fits(seen.boxes[:, :2], config) else "no free place on the grid"


def _map(frame: Frame, config: Config) -> str:
    return "" if frame.map_masks is not None and _known(frame).any() else "no known map cell"


def _true_cell(frame: Frame, config: Config) -> str:
    return (
        ""
        if frame.map_masks is not None and (frame.map_masks & _known(frame)).any()
        else "no known true map cell"
    )


def _known(frame: Frame) -> Bool:
    """Mark the known cells (K, Y, X) of the frame's map."""
    known = np.ones(() if frame.map_masks is None else frame.map_masks.shape, np.bool_)
    return known if frame.map_known is None else known & frame.map_known


_NEEDS: dict[Need, Callable[[Frame, Config], str]] = {
    "object": _object,
    "free place": _free_place,
    "map": _map,
    "true cell": _true_cell,
}
