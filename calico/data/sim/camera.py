"""Renders the cameras with the ray caster of the LiDAR.

Sun and sky, hard shadows, procedural textures, haze and noise are simulated.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from calico.data.sim.light import Light
from calico.data.sim.map_raster import GroundMap
from calico.data.sim.materials import GLOSS, Material
from calico.data.sim.raycast import Hits, Solid, cast_rays, find_occluded
from calico.data.sim.rig import ego_T_camera, pixel_rays
from calico.data.sim.textures import lit_windows, surface_color
from calico.frame import Float32, Float64, UInt8


@lru_cache(maxsize=4)
def _rig_rays(cameras: tuple[str, ...], size_hw: tuple[int, int]) -> tuple[Float32, Float32]:
    """Origins and directions (V * H * W, 3) of all pixels in the ego frame."""
    origins, directions = [], []
    for camera in cameras:
        pose = ego_T_camera(camera).astype(np.float32)
        rays = pixel_rays(camera, size_hw) @ pose[:3, :3].T
        directions.append(rays)
        origins.append(np.tile(pose[:3, 3], (len(rays), 1)))
    return np.concatenate(origins), np.concatenate(directions)


def render_cameras(
    solids: tuple[Solid, ...],
    ground: GroundMap,
    light: Light,
    global_T_ego: Float64,
    cameras: tuple[str, ...],
    size_hw: tuple[int, int],
    rng: np.random.Generator,
) -> tuple[UInt8, ...]:
    """Render one RGB image per camera.

    Args:
        solids: Everything that rays can meet.
        ground: Map of the ground, for its colours.
        light: Sun, sky and lamps.
        global_T_ego: (4, 4) pose of the vehicle.
        cameras: Names of the cameras.
        size_hw: Height and width of the images [px].
        rng: Generator of the noise.

    Returns:
        (H, W, 3) uint8 for each camera.
    """
    start, rays = _rig_rays(cameras, size_hw)
    color = render_rays(solids, ground, light, global_T_ego, start, rays, rng)
    images = color.reshape(len(cameras), *size_hw, 3)
    return tuple(np.ascontiguousarray(image) for image in images)


def render_rays(
    solids: tuple[Solid, ...],
    ground: GroundMap,
    light: Light,
    global_T_ego: Float64,
    start: Float32,
    rays: Float32,
    rng: np.random.Generator,
) -> UInt8:
    """Render the colour that each of R rays sees, with the noise of a pixel.

    Args:
        solids: Everything that rays can meet.
        ground: Map of the ground, for its colours.
        light: Sun, sky and lamps.
        global_T_ego: (4, 4) pose of the vehicle.
        start: (R, 3) origins of the rays in the ego frame [m].
        rays: (R, 3) unit directions in the ego frame.
        rng: Generator of the noise.

    Returns:
        (R, 3) uint8 RGB.
    """
    turn = global_T_ego[:3, :3].astype(np.float32)
    directions = np.ascontiguousarray(rays @ turn.T)
    origins = np.ascontiguousarray(start @ turn.T + global_T_ego[:3, 3].astype(np.float32))
    hits = cast_rays(solids, origins, directions)
    color = color_sky(light, directions)
    seen = np.flatnonzero(hits.found)
    near = Hits(
        hits.distance_m[seen],
        hits.normal[seen],
        hits.material[seen],
        hits.color[seen],
        hits.owner[seen],
    )
    color[seen] = shade_hits(
        solids, ground, light, origins[seen], directions[seen], near, start[seen], rays[seen]
    )
    color *= light.exposure
    color += rng.standard_normal(color.shape, dtype=np.float32) * np.float32(light.noise)
    encoded = np.sqrt(np.clip(color, 0.0, 1.0)) * 255.0 + 0.5
    result: UInt8 = encoded.astype(np.uint8)
    return result


def color_sky(light: Light, directions: Float32) -> Float32:
    """Compute the colour of the sky: a gradient from the horizon up, brighter about the sun.

    Args:
        light: Sun and sky.
        directions: (R, 3) unit directions of rays in the world.

    Returns:
        (R, 3) radiance.
    """
    height = np.clip(directions[:, 2:], 0.0, 1.0) ** 0.6
    color = light.sky_horizon * (1 - height) + light.sky_top * height
    glow = np.maximum(directions @ light.sun, 0.0)[:, None] ** 24
    result: Float32 = (color + 0.35 * glow * light.sun_color).astype(np.float32)
    return result


def shade_hits(
    solids: tuple[Solid, ...],
    ground: GroundMap,
    light: Light,
    origins: Float32,
    directions: Float32,
    hits: Hits,
    start_ego: Float32,
    rays_ego: Float32,
) -> Float32:
    """Compute the light that comes from what the rays met.

    Args:
        solids: Everything that can throw a shadow.
        ground: Map of the ground, for its colours.
        light: Sun, sky and lamps.
        origins: (R, 3) rays in the world.
        directions: (R, 3) rays in the world.
        hits: What the rays met.
        start_ego: (R, 3) the same rays in the ego frame, for the headlights.
        rays_ego: (R, 3) the same rays in the ego frame, for the headlights.

    Returns:
        (R, 3) radiance.
    """
    xyz = origins + directions * hits.distance_m[:, None]
    albedo = surface_color(ground, hits, xyz)
    bright = lit_windows(hits, xyz) if light.lamps > 0 else np.zeros(0, np.int64)
    facing = np.maximum(hits.normal @ light.sun, 0.0)
    lit = np.flatnonzero(facing > 0)
    sources = xyz[lit] + hits.normal[lit] * np.float32(0.02)
    blocked = find_occluded(solids, sources, np.tile(light.sun, (len(lit), 1)))
    facing[lit[blocked]] = 0.0
    ambient = 0.5 * (light.sky_top + light.sky_horizon) * (0.62 + 0.38 * hits.normal[:, 2:])
    radiance = albedo * (ambient + facing[:, None] * light.sun_color)
    _add_gloss(radiance, light, directions, hits)
    emitting = hits.material == Material.LAMP
    radiance[emitting] += 0.5 * hits.color[emitting]
    if light.lamps > 0:
        radiance[bright] += np.array([0.5, 0.36, 0.16], np.float32) * light.lamps
        radiance += light.lamps * albedo * _lamps(hits, xyz, directions, start_ego, rays_ego)
    air = np.exp(-hits.distance_m / np.float32(light.haze_m))[:, None]
    result: Float32 = (radiance * air + light.sky_horizon * (1 - air)).astype(np.float32)
    return result


def _add_gloss(radiance: Float32, light: Light, directions: Float32, hits: Hits) -> None:
    """Mirror the sky in glass, paint and metal, more so at a low angle.

    Source: Schlick's approximation of Fresnel's law.
    """
    shiny = np.flatnonzero(GLOSS[hits.material] > 0)
    normal, incoming = hits.normal[shiny], directions[shiny]
    cosine = -np.einsum("ij,ij->i", incoming, normal)
    mirrored = incoming + 2 * cosine[:, None] * normal
    share = GLOSS[hits.material[shiny]] * (0.15 + 0.85 * (1 - np.clip(cosine, 0, 1)) ** 3)
    visible = (mirrored[:, 2] > 0) * share
    radiance[shiny] = radiance[shiny] * (1 - share[:, None]) + visible[:, None] * color_sky(
        light, mirrored
    )


def _lamps(
    hits: Hits, xyz: Float32, directions: Float32, start_ego: Float32, rays_ego: Float32
) -> Float32:
    """Compute the light of the own headlights and of street lamps.

    The headlights make a cone ahead. The street lamps are taken as even along the street.

    Returns:
        (R, 3) radiance.
    """
    point = start_ego + rays_ego * hits.distance_m[:, None]
    ahead = np.maximum(point[:, 0] - 1.5, 0.0)
    cone = np.clip(1.3 - np.abs(point[:, 1]) / np.maximum(0.7 * ahead, 0.5), 0.0, 1.0)
    beam = 2.2 * cone * np.clip(ahead, 0, 8) / 8 / (1 + (ahead / 14.0) ** 2)
    street = 0.14 * (0.5 + 0.5 * hits.normal[:, 2])
    warm, white = np.array([1.0, 0.72, 0.42], np.float32), np.array([1.0, 0.97, 0.9], np.float32)
    result: Float32 = (beam[:, None] * white + street[:, None] * warm).astype(np.float32)
    return result
