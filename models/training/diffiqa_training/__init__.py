"""Training, calibration and evaluation of the networks that express-diffiqa ships."""
