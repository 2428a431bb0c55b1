import numpy as np

from calico.frame import Frame
from corruptions.imaging.each_image import each_image


def test_every_image_has_its_own_name_and_nothing_else_changes(street: Frame) -> None:
    names = []

    def darken(image: np.ndarray, camera: str) -> np.ndarray:
        names.append(camera)
        return image // 2

    after = each_image(street, darken)
    assert names == [f"camera{view}" for view in range(6)]
    for old, new in zip(street.images, after.images, strict=True):
        assert np.array_equal(new, old // 2)
    assert after.points is street.points
