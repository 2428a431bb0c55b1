from corruptions.fields import FIELDS
from corruptions.frame_like import FrameLike


def test_every_field_of_a_frame_is_described_and_no_other() -> None:
    members = {name for name in vars(FrameLike) if not name.startswith("_")} - {"replace"}
    assert set(FIELDS) == members
    assert all(text and not text.endswith(".") for text in FIELDS.values())
