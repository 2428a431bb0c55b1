import numpy as np
import pytest

from corruptions.errors import CorruptionError
from corruptions.rng import Streams, as_seed, make_generator


def draw(streams: Streams, sensor: str = "lidar", scene: bool = False) -> tuple[float, ...]:
    rng = streams.per_scene(sensor) if scene else streams.per_frame(sensor)
    return tuple(rng.random(3))


def test_streams_depend_on_every_name() -> None:
    base = Streams(1, "scene", "token", "fog", 60.0)
    others = [
        Streams(2, "scene", "token", "fog", 60.0),
        Streams(1, "scene", "token2", "fog", 60.0),
        Streams(1, "scene", "token", "rain", 60.0),
        Streams(1, "scene", "token", "fog", 30.0),
    ]
    drawn = {draw(s) for s in [base, *others]} | {draw(base, "camera0"), draw(base, scene=True)}
    assert len(drawn) == 7
    assert draw(base) == draw(Streams(1, "another scene", "token", "fog", 60.0))
    assert draw(base, scene=True) == draw(
        Streams(1, "scene", "another token", "fog", 60.0), scene=True
    )


def test_an_integer_value_is_its_float() -> None:
    assert draw(Streams(1, "s", "t", "fog", 60)) == draw(Streams(1, "s", "t", "fog", 60.0))


def test_names_do_not_run_together() -> None:
    assert make_generator(1, "ab", "c").random() != make_generator(1, "a", "bc").random()


def test_philox_is_keyed_by_the_hash() -> None:
    assert isinstance(make_generator(0, "x").bit_generator, np.random.Philox)


def test_nested_streams_depend_on_all_but_the_value() -> None:
    base = Streams(1, "scene", "token", "frame_lost", 0.1)
    first = base.nested_per_frame("camera0").random()
    assert (
        first
        == Streams(1, "scene", "token", "frame_lost", 0.5).nested_per_frame("camera0").random()
    )
    others = [
        Streams(2, "scene", "token", "frame_lost", 0.1).nested_per_frame("camera0"),
        Streams(1, "scene", "token2", "frame_lost", 0.1).nested_per_frame("camera0"),
        Streams(1, "scene", "token", "burst_loss", 0.1).nested_per_frame("camera0"),
        base.nested_per_frame("camera1"),
        base.per_frame("camera0"),
    ]
    assert len({first, *(rng.random() for rng in others)}) == 6


def test_nested_scene_is_the_same_at_every_severity_and_frame() -> None:
    base = Streams(1, "scene", "token", "frost", 0.2)
    first = base.nested_per_scene("camera0").random()
    assert Streams(1, "scene", "later", "frost", 0.8).nested_per_scene("camera0").random() == first
    others = [
        Streams(2, "scene", "token", "frost", 0.2),
        Streams(1, "scene2", "token", "frost", 0.2),
        Streams(1, "scene", "token", "lens_dirt", 0.2),
    ]
    drawn = {streams.nested_per_scene("camera0").random() for streams in others} | {
        base.nested_per_scene("camera1").random()
    }
    assert len(drawn) == 4
    assert first not in drawn


@pytest.mark.parametrize("seed", [-1, True, np.bool_(True), 1.0, np.float64(2), 2**63, "1", None])
def test_what_is_no_seed_is_refused(seed: object) -> None:
    with pytest.raises(CorruptionError, match=r"expected a whole number from 0 to 2\^63 - 1"):
        as_seed(seed)


@pytest.mark.parametrize("seed", [0, 7, 2**63 - 1, np.int64(7), np.uint8(255)])
def test_whole_numbers_are_seeds(seed: int) -> None:
    assert as_seed(seed) == seed
    assert type(as_seed(seed)) is int
