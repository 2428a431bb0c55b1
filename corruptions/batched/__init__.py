"""Camera corruptions of a batch of images in torch, on any device. Needs torch, which `corruptions` itself does not import."""

from corruptions.batched.images import ImageKey, batched_corruptions, corrupt_images

__all__ = ["ImageKey", "batched_corruptions", "corrupt_images"]
