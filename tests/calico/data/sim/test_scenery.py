"""Scenery and clutter stand on the ground."""

from __future__ import annotations

import numpy as np

from calico.data.sim import scenery
from calico.data.sim.meshes import make_wheel
from calico.data.sim.props import (
    build_mailbox,
    car_like,
    cone_like,
    pedestrian_like,
)


def test_scenery_and_clutter_are_finite_and_stand_on_the_ground() -> None:
    rng = np.random.default_rng(1)
    for _ in range(12):
        for mesh in (
            scenery.build_house(rng, 15, 10),
            scenery.build_tree(rng),
            scenery.build_bush(rng),
            scenery.build_hedge(rng, 5),
            scenery.build_wall(rng, 5),
            scenery.lamp_post(rng),
            scenery.build_sign(rng),
            scenery.traffic_light(rng, True),
            scenery.build_bench(rng),
            scenery.bus_shelter(rng),
            car_like(rng)[0],
            pedestrian_like(rng),
            cone_like(rng),
            build_mailbox(rng),
            make_wheel(0, 0, 0.4, 0.2),
        ):
            assert np.isfinite(mesh.vertices).all()
            assert mesh.vertices[:, 2].min() < 0.36
            assert mesh.color.min() >= 0
