"""Version 1 of the Waymo Open Dataset: TFRecord files of protos, without TensorFlow or protobuf.

    wire, encoding      the proto wire format: bytes to values and back
    messages            the fields of Waymo's messages that are used
    tfrecord, crc32c    records of a file, and their checksums
    index, partial      where each frame begins, and frames without their large fields
    matrices            compressed range images
    labels, sensors, features    objects, sensors and map features: protos to records and back
    reader, writer      segments
    objects             boxes for the official metrics and the leaderboard

Nothing of a file is believed before it is checked: lengths, checksums, sizes, finite numbers.
"""
