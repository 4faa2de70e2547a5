"""MLServer runtime of express-diffiqa's networks: the model.onnx beside this file, run by onnxruntime.

Written by "express-diffiqa export-models --server mlserver".
"""

import asyncio
import os
from pathlib import Path

import numpy as np
import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse

# Threads within one run of a network; 0: as many as there are cores.
THREADS = int(os.environ.get("DIFFIQA_THREADS", "0"))


class OnnxModel(MLModel):
    async def load(self) -> bool:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = THREADS
        file = Path(self.settings._source).parent / "model.onnx"
        self.session = onnxruntime.InferenceSession(
            file, options, providers=onnxruntime.get_available_providers()
        )
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        ranks = {node.name: len(node.shape) for node in self.session.get_inputs()}
        feeds = {}
        for one in payload.inputs:
            array = NumpyCodec.decode_input(one).astype(np.float32, copy=False)
            # MLServer makes columns of what has one dimension.
            feeds[one.name] = array.reshape(array.shape[: ranks.get(one.name, array.ndim)])
        names = [node.name for node in self.session.get_outputs()]
        # In a thread: the server goes on to read other requests, and onnxruntime does not hold Python's lock.
        arrays = await asyncio.to_thread(self.session.run, names, feeds)
        outputs = [
            NumpyCodec.encode_output(name, array.astype(np.float32, copy=False))
            for name, array in zip(names, arrays)
        ]
        return InferenceResponse(id=payload.id, model_name=self.name, outputs=outputs)
