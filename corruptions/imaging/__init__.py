"""Operations on images that several corruptions share: linear light, resampling, convolution, warps."""
