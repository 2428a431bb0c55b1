"""Operations on images that several corruptions share."""
