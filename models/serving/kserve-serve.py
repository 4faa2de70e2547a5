"""Serves the networks beside this file by the Open Inference Protocol v2: python serve.py --http_port 8080 --enable_grpc false.

Written by "express-diffiqa export-models --server kserve". Each folder with a model.onnx is a model of that name.
"""

import asyncio
import os
from pathlib import Path

import numpy as np
import onnxruntime
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer

# Threads within one run of a network; 0: as many as there are cores.
THREADS = int(os.environ.get("DIFFIQA_THREADS", "0"))


def tensors(nodes):
    return [
        {
            "name": node.name,
            "datatype": "FP32",
            "shape": [size if isinstance(size, int) else -1 for size in node.shape],
        }
        for node in nodes
    ]


class OnnxModel(Model):
    def __init__(self, folder: Path):
        super().__init__(folder.name)
        self.file = folder / "model.onnx"
        self.session = None

    def load(self) -> bool:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        self.session = onnxruntime.InferenceSession(
            self.file, options, providers=onnxruntime.get_available_providers()
        )
        self.ready = True
        return True

    def get_input_types(self):
        return tensors(self.session.get_inputs())

    def get_output_types(self):
        return tensors(self.session.get_outputs())

    async def predict(self, payload: InferRequest, headers=None, response_headers=None) -> InferResponse:
        feeds = {one.name: one.as_numpy() for one in payload.inputs}
        names = [one.name for one in self.session.get_outputs()]
        # In a thread: the server goes on to read other requests, and onnxruntime does not hold Python's lock.
        arrays = await asyncio.to_thread(self.session.run, names, feeds)
        outputs = []
        for name, array in zip(names, arrays):
            output = InferOutput(name=name, shape=list(array.shape), datatype="FP32")
            output.data = np.ascontiguousarray(array, dtype=np.float32)
            outputs.append(output)
        return InferResponse(
            response_id=payload.id or "",
            model_name=self.name,
            infer_outputs=outputs,
            # Binary where the caller asks for it, as in Triton's extension.
            requested_outputs=payload.request_outputs,
            use_binary_outputs=payload.use_binary_outputs,
        )


if __name__ == "__main__":
    models = [OnnxModel(file.parent) for file in sorted(Path(__file__).parent.glob("*/model.onnx"))]
    for model in models:
        model.load()
    ModelServer().start(models)
