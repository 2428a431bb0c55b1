"""Version 1 of the Waymo Open Dataset: TFRecord files of protos, without TensorFlow or protobuf.

wire, messages      the proto wire format, and the fields of Waymo's messages that are used
tfrecord, index     records of a file, their checksums, and where each frame begins
matrices            compressed range images
labels, features    objects and map features: protos to records and back
reader, writer      segments
objects             detections and ground truth for the official metrics and the leaderboard
"""
