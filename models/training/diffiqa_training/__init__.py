"""Training, calibration and evaluation of the networks that express-diffiqa ships."""

import os

# onnxruntime's telemetry: an identifier below ~/.cache and reports to Microsoft, unless this is set before its first session.
os.environ.setdefault('ORT_DISABLE_TELEMETRY', '1')
