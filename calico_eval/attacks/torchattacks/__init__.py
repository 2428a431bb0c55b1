"""Attacks of the torchattacks library on the pixels of the cameras."""
