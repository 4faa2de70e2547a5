"""The quality head: what it learns of a photo and not of a person, and its ONNX form."""

import sys
import unittest
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from diffiqa_training import taps, teacher  # noqa: E402
from diffiqa_training.head_graph import add_head  # noqa: E402
from diffiqa_training.process import ALPHA_BARS  # noqa: E402
from diffiqa_training.teach import LABELS, shipped_answer  # noqa: E402


class OutOfFold(unittest.TestCase):
    def test_what_is_the_photos_is_predicted_and_what_is_the_persons_is_not(self) -> None:
        random = np.random.default_rng(1)
        people, each = 60, 12
        person = np.repeat(np.arange(people), each)
        quality = random.normal(size=len(person))
        luck = random.normal(size=people)[person]
        features = np.concatenate([quality[:, None], np.eye(people)[person] * 3], axis=1).astype(np.float32)
        label = (quality + luck)[:, None]
        groups = np.array([f'p{number}' for number in person])
        predicted = teacher.predict_out_of_fold(features, label, groups, 3, 1, epochs=60)[:, 0]
        self.assertGreater(np.corrcoef(predicted, quality)[0, 1], 0.8)
        self.assertLess(abs(np.corrcoef(predicted, luck)[0, 1]), 0.35)

    def test_a_row_without_features_has_no_prediction(self) -> None:
        features = np.random.default_rng(1).normal(size=(300, 3)).astype(np.float32)
        features[7] = np.nan
        groups = np.array([f'p{index % 9}' for index in range(300)])
        predicted = teacher.predict_out_of_fold(features, np.arange(300.0)[:, None], groups, 3, 1, epochs=2)
        self.assertTrue(np.isnan(predicted[7, 0]))
        self.assertEqual(int(np.isnan(predicted).sum()), 1)


class Views(unittest.TestCase):
    crops = np.random.default_rng(5).integers(0, 256, (3, 112, 112, 3), np.uint8)

    def test_the_face_and_its_mirror_image_are_the_pixels(self) -> None:
        random = np.random.default_rng(1)
        face, mirror = (taps.seen(self.crops, view, random) for view in (taps.FACE, taps.MIRROR))
        np.testing.assert_array_equal(face, self.crops.transpose(0, 3, 1, 2))
        np.testing.assert_array_equal(mirror, face[..., ::-1])

    def test_the_noised_copy_is_the_forward_process_at_its_timestep(self) -> None:
        noised = taps.seen(self.crops, taps.NOISED, np.random.default_rng(1)) / 127.5 - 1
        x = taps.seen(self.crops, taps.FACE, np.random.default_rng(1)) / 127.5 - 1
        share = ALPHA_BARS[taps.NOISED_AT]
        noise = (noised - np.sqrt(share) * x) / np.sqrt(1 - share)
        self.assertAlmostEqual(float(noise.mean()), 0, delta=0.01)
        self.assertAlmostEqual(float(noise.std()), 1, delta=0.01)


def small_network() -> onnx.ModelProto:
    """Layers of SFace's names and sizes, each a pooled, scaled copy of the picture; `fc1` of eight numbers."""
    graph_nodes, weights, channels = [], [], 2
    before, side = 'data', 112
    for layer, wanted in zip(taps.LAYERS, (112, 56, 28, 14, 14, 7)):
        weights.append(numpy_helper.from_array(np.random.default_rng(wanted).normal(size=(channels, 3 if before == 'data' else channels, 1, 1)).astype(np.float32), f'{layer}_w'))
        graph_nodes.append(helper.make_node('Conv', [before, f'{layer}_w'], [layer], strides=[side // wanted] * 2, kernel_shape=[1, 1]))
        before, side = layer, wanted
    weights.append(numpy_helper.from_array(np.random.default_rng(0).normal(size=(8, channels * 49)).astype(np.float32), 'fc_w'))
    graph_nodes += [helper.make_node('Flatten', [before], ['flat']), helper.make_node('Gemm', ['flat', 'fc_w'], ['fc1'], transB=1)]
    shape = [helper.make_tensor_value_info('data', TensorProto.FLOAT, ['batch', 3, 112, 112])]
    graph = helper.make_graph(graph_nodes, 'small', shape, [helper.make_tensor_value_info('fc1', TensorProto.FLOAT, ['batch', 8])], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)


class HeadInTheGraph(unittest.TestCase):
    def test_it_answers_as_the_head_in_torch_does(self) -> None:
        width = 2 * (2 * len(taps.LAYERS) + len(taps.BANDS))
        torch.manual_seed(1)
        model = teacher.build(width + 17, len(LABELS), 0).eval()
        middle, deviation = torch.randn(width), torch.rand(width) + 0.5
        network = small_network()
        add_head(network, {'model': model.state_dict(), 'middle': middle, 'deviation': deviation})
        pixels = np.random.default_rng(2).uniform(0, 2, (5, 3, 112, 112)).astype(np.float32)
        head, embedding = onnxruntime.InferenceSession(network.SerializeToString()).run(['head', 'fc1'], {'data': pixels})
        plain = small_network()
        plain.graph.node.append(helper.make_node('Concat', taps.add_taps(plain), ['taps'], axis=1))
        plain.graph.output.append(helper.make_tensor_value_info('taps', TensorProto.FLOAT, ['batch', width]))
        found = onnxruntime.InferenceSession(plain.SerializeToString()).run(['taps'], {'data': pixels})[0]
        inputs = teacher.tap_inputs(found, embedding, middle.numpy(), deviation.numpy())
        with torch.no_grad():
            wanted = shipped_answer(model(torch.from_numpy(inputs)).numpy())
        np.testing.assert_allclose(head[:, 0], wanted, atol=1e-4)
        self.assertGreater(wanted.std(), 1e-3)


if __name__ == '__main__':
    unittest.main()
