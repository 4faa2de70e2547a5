"""Boxes and points of OpenCV's own YuNet, for test/face/detector.test.ts.

    python yunet_reference.py YUNET.onnx DIR > ../../test/face/opencv-yunet.json

DIR holds pictures written by test/face/write-detector-inputs.ts, named NAME-WIDTHxHEIGHT.png after the full photo.
Numbers are in pixels of the full photo; pixel centres lie at whole numbers.
"""

import json
import pathlib
import re
import sys

import cv2


def main() -> None:
    model, folder = sys.argv[1:]
    out = {}
    for path in sorted(pathlib.Path(folder).glob("*.png")):
        name, width, height = re.fullmatch(r"(.+)-(\d+)x(\d+)", path.stem).groups()
        image = cv2.imread(str(path))
        rows, columns = image.shape[:2]
        detector = cv2.FaceDetectorYN.create(model, "", (columns, rows), 0.6, 0.3, 5000)
        _, faces = detector.detect(image)
        sx, sy = int(width) / columns, int(height) / rows
        out[name] = [
            {
                "box": [round(float(v), 3) for v in ((f[0] + 0.5) * sx - 0.5, (f[1] + 0.5) * sy - 0.5, f[2] * sx, f[3] * sy)],
                "points": [round(float((v + 0.5) * (sx, sy)[k % 2] - 0.5), 3) for k, v in enumerate(f[4:14])],
                "score": round(float(f[14]), 4),
            }
            for f in (faces if faces is not None else [])
        ]
    json.dump(out, sys.stdout, indent=1)


main()
