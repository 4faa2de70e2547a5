"""The synthetic tensors of the manifest's self test, and the answers of an ONNX file to them."""
import numpy as np
import onnxruntime as ort

SHAPES = {
    'detector': (1, 3, 64, 64),
    'embedder': (1, 3, 112, 112),
    'denoiser': (1, 3, 112, 112),
    'regressor': (1, 3, 112, 112),
}
INPUTS = {'detector': 'input', 'embedder': 'data', 'denoiser': 'x', 'regressor': 'face'}
OUTPUTS = {'detector': 'cls_8', 'embedder': 'fc1', 'denoiser': 'x0', 'regressor': 'mean'}
TIMESTEP = 20
VALUES = 8


def open_session(path, threads: int = 1) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(str(path), options, providers=['CPUExecutionProvider'])


def synthetic(name: str) -> np.ndarray:
    """Element k is (k * 37) % 255, for the networks on [-1, 1] divided by 127.5 less 1."""
    shape = SHAPES[name]
    values = ((np.arange(np.prod(shape), dtype=np.int64) * 37) % 255).astype(np.float64)
    if name != 'embedder':
        values = values / 127.5 - 1
    return values.astype(np.float32).reshape(shape)


def answer(name: str, path) -> list[float]:
    """First elements of the first output."""
    feeds = {INPUTS[name]: synthetic(name)}
    if name == 'denoiser':
        feeds['t'] = np.array([TIMESTEP], dtype=np.float32)
    output = open_session(path).run([OUTPUTS[name]], feeds)[0]
    return [float(v) for v in output.reshape(-1)[:VALUES]]
