"""Patches that cameras see: on objects, or on a board in the world.

A patch has any colour and covers few pixels. The LiDAR does not see it. It lies where `patch.sites`
puts it, whatever the model, and shows one texture in all views (and a board in all frames of its
window). The controls show a random or a grey texture at the same places.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from calico.data.batch import collate_frames
from calico.errors import CalicoError
from calico.frame import Frame
from calico.seeds import derive_seed
from calico_eval.attacks.details import AttackDetails, Crafted
from calico_eval.attacks.patch.learn_texture import (
    Learnt,
    TextureLoss,
    best_textures,
    learn_textures,
    make_grey,
    texture_loss,
)
from calico_eval.attacks.patch.render import TEXELS, PatchDomain
from calico_eval.attacks.patch.sites import Site, Sites, board_sites, texture_count
from calico_eval.attacks.search_space.joint import Streams
from calico_eval.attacks.spec import AttackSpec
from calico_eval.attacks.universal.fitted import Fitted, select_usable, split_chunks
from calico_eval.attacks.universal.pooled_loss import ChunkLoss, pool_losses
from calico_eval.attacks.whitebox.run import stream_seed
from calico_eval.engines.base import Engine
from calico_eval.engines.white_box import WhiteBoxEngine, white_box_of

ComputeAttack = Callable[[Engine, Sequence[Frame], AttackSpec, int], list[Crafted]]
Texture = Callable[[Frame, AttackSpec, int, int], Tensor]
"""(owner of the texture, spec, seed of the run, K) -> (3 K, TEXELS, TEXELS) of a control."""


def patch_attack(sites: Sites) -> ComputeAttack:
    """Textures that are learnt on the frames that own them.

    Frames that share a board show one texture; those that are not its owner were not looked at
    while it was learnt.
    """

    def compute_attack(
        engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int
    ) -> list[Crafted]:
        model = white_box_of(engine, f"attack {spec.name}", spec.threat.sensors)
        found, count = sites(frames, spec), texture_count(sites, spec)
        owners = list({site.owner.token: site.owner for site in found}.values())
        placed = [site.placed for site in sites(owners, spec)]
        learnt = learn_textures(model, owners, placed, count, spec, seed)
        by_owner = {owner.token: one for owner, one in zip(owners, learnt, strict=True)}
        textures = [by_owner[site.owner.token] for site in found]
        after = _paste(frames, found, [one.textures for one in textures])
        return _looked_at(model, frames, after, found, textures, spec, seed)

    return compute_attack


def patch_control(sites: Sites, texture: Texture) -> ComputeAttack:
    """Make the control of a patch attack: the same patches with a texture that was not learnt.

    Args:
        sites: Chooses the places.
        texture: Makes the texture.
    """

    def compute_attack(
        engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int
    ) -> list[Crafted]:
        found, count = sites(frames, spec), texture_count(sites, spec)
        after = _paste(frames, found, [texture(site.owner, spec, seed, count) for site in found])
        return [
            Crafted(
                frame,
                AttackDetails(
                    seed=stream_seed(site.owner, spec, seed), note=site.note, patches=site.declared
                ),
            )
            for frame, site in zip(after, found, strict=True)
        ]

    return compute_attack


def random_texture(owner: Frame, spec: AttackSpec, seed: int, patches: int) -> Tensor:
    """Make textures whose channels are 0 or 255 by chance at each texel.

    Args:
        owner: First frame that shows the patches.
        spec: The attack.
        seed: Seed of the run.
        patches: Number of patches.
    """
    stream = torch.Generator().manual_seed(stream_seed(owner, spec, seed))
    return torch.randint(0, 2, (3 * patches, TEXELS, TEXELS), generator=stream).float()


def grey_texture(owner: Frame, spec: AttackSpec, seed: int, patches: int) -> Tensor:
    """Make textures of middle grey, which show what a patch does by covering what is behind it.

    Args:
        owner: First frame that shows the patches.
        spec: The attack.
        seed: Seed of the run.
        patches: Number of patches.
    """
    return make_grey(patches)


def fit_board(engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int) -> Fitted:
    """Learn one texture for every board, on the boards of these frames.

    Args:
        engine: The engine whose gradients are followed.
        frames: Frames of other scenes.
        spec: The attack.
        seed: Seed of the run.

    Source: Brown et al., Adversarial Patch, 2017.
    """
    model = white_box_of(engine, f"attack {spec.name}", spec.threat.sensors)
    members = select_usable(model, frames, spec)
    found = {
        frame.token: site for frame, site in zip(members, board_sites(members, spec), strict=True)
    }
    if not any(site.placed for site in found.values()):
        raise CalicoError(
            f"attack {spec.name}: none of the {len(members)} frames to fit on sees the board"
        )
    stream = torch.Generator().manual_seed(derive_seed(seed, "attack", spec.name, "fit"))
    with model.attack_mode():
        domains = [
            PatchDomain(
                part, [found[frame.token].placed for frame in part], 1, model.device, shared=True
            )
            for part in split_chunks(members)
        ]
        of_chunk = [texture_loss(model, domain, spec) for domain in domains]

        def raised(x: Tensor, streams: Streams) -> Tensor:
            return pool_losses([_drawn(loss, streams) for loss in of_chunk], len(members))(x)

        x, problem = best_textures(domains[0], raised, spec, [stream])
        start = sum(
            map(
                sum,
                (_objectives(model, part, part, spec.objective) for part in split_chunks(members)),
            )
        ) / len(members)
        with torch.no_grad():
            end = float(raised(x, ()))
    texture = x[0].cpu()

    def compute_attack(
        engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int
    ) -> list[Crafted]:
        return patch_control(board_sites, lambda *_: texture)(engine, frames, spec, seed)

    return Fitted(
        compute_attack,
        texture,
        tuple(frame.token for frame in members),
        tuple(frame.scene for frame in members),
        start,
        end,
        forwards=(problem.trace.forwards + 2) * len(members),
        backwards=problem.trace.backwards * len(members),
    )


def _drawn(loss: TextureLoss, streams: Streams) -> ChunkLoss:
    return lambda x: loss(x, streams)


def _paste(
    frames: Sequence[Frame], sites: Sequence[Site], textures: Sequence[Tensor]
) -> list[Frame]:
    """On the CPU, whatever the engine: the frames depend on nothing else."""
    count = len(textures[0]) // 3
    domain = PatchDomain(frames, [site.placed for site in sites], count, torch.device("cpu"))
    return domain.deliver_frames(torch.stack(list(textures)))


def _looked_at(
    engine: WhiteBoxEngine,
    frames: Sequence[Frame],
    after: Sequence[Frame],
    sites: Sequence[Site],
    learnt: Sequence[Learnt],
    spec: AttackSpec,
    seed: int,
) -> list[Crafted]:
    """With the objective on the clean and on the delivered frames.

    The passes of learning count for the owner of a texture.
    """
    crafted = []
    for frame, patched, site, one in zip(frames, after, sites, learnt, strict=True):
        details = AttackDetails(
            seed=stream_seed(site.owner, spec, seed),
            note=site.note or one.note,
            patches=site.declared,
        )
        if site.placed and one.objective:
            owner = site.owner.token == frame.token
            clean, attacked = _objectives(engine, [frame, frame], [frame, patched], one.objective)
            details = AttackDetails(
                objective=one.objective,
                note=one.note,
                seed=details.seed,
                patches=site.declared,
                loss_clean=clean,
                loss_attacked=attacked,
                losses=one.losses,
                forwards=2 + (one.forwards if owner else 0),
                backwards=one.backwards if owner else 0,
                gradient_share=one.texel_share,
                bad_gradients=one.bad_gradients,
                dead_gradient=one.dead_gradient,
            )
        crafted.append(Crafted(patched, details))
    return crafted


def _objectives(
    engine: WhiteBoxEngine, clean: Sequence[Frame], frames: Sequence[Frame], objective: str
) -> list[float]:
    """Compute the objective of frames as the engine sees them; `clean` is what they were before."""
    raised = engine.attack_loss(objective, collate_frames(clean).to(engine.device), ("camera",))
    with engine.attack_mode(), torch.no_grad():
        found: list[float] = raised.compute_whole(collate_frames(frames).to(engine.device)).tolist()
    return found
