"""MTCNN, the face detector (Zhang et al. 2016). `detect.FaceDetector` is the door."""
