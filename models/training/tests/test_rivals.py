"""Label recipes and training-free scores of the rivals on made-up cases whose answer is known."""

import tempfile
import unittest
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from diffiqa_training.crop_set import CropSet
from diffiqa_training.label_rows import Rows
from diffiqa_training.rivals import cr_fiqa, ediffiqa, faceqnet, scoring, sdd_fiqa, trainer
from diffiqa_training.rivals.faceqan import FaceQan, aggregate, quick_to_attack
from diffiqa_training.rivals.faces import Faces
from diffiqa_training.rivals.grafiqs import GraFiqs
from diffiqa_training.rivals.pcnet import MatedPairs
from diffiqa_training.rivals.qualityface import QualityFace, load_qualityface
from diffiqa_training.rivals.scoring import read_csv, write_csv
from diffiqa_training.rivals.ser_fiq import SerFiq, stability
from diffiqa_training.sface_torch import from_chain
from diffiqa_training.rivals.tasks import LabelTask, PairTask


def direction(degrees: float, length: float = 1.0) -> list[float]:
    return [length * np.cos(np.radians(degrees)), length * np.sin(np.radians(degrees))]


def cosine(degrees: float) -> float:
    return float(np.cos(np.radians(degrees)))


def faces(*rows: tuple[float, float, str, str, bool]) -> Faces:
    """Rows of (direction, length, person, photo, clean) in a plane."""
    angle, length, person, photo, clean = zip(*rows)
    embedding = np.array([direction(a, l) for a, l in zip(angle, length)])
    return Faces(embedding, np.array(person), np.array(photo), np.array(clean))


# a: photos at 0 and 30 degrees, a degraded copy of the first at 60; b: one at 90, one at 110; nobody known at 45.
TWO_PEOPLE = faces(
    (0, 9, 'a', 'a1', True), (30, 5, 'a', 'a2', True), (60, 2, 'a', 'a1', False),
    (90, 7, 'b', 'b1', True), (110, 8, 'b', 'b2', True), (45, 3, '', 'u1', True),
)


class SimilarityDistributions(unittest.TestCase):
    def test_distance_of_one_genuine_to_all_strangers(self) -> None:
        got = sdd_fiqa.labels(TWO_PEOPLE, draws=24, rounds=3, seed=1)
        # One genuine similarity against two: the mean of the two differences.
        self.assertAlmostEqual(got[0], cosine(30) - (cosine(90) + cosine(110)) / 2)
        self.assertAlmostEqual(got[3], cosine(20) - (cosine(90) + cosine(60)) / 2)

    def test_a_degraded_copy_is_not_compared_with_its_own_photo(self) -> None:
        got = sdd_fiqa.labels(TWO_PEOPLE, draws=24, rounds=1, seed=1)
        # 30 degrees to a2; the copy's own original, 60 degrees away, does not count.
        self.assertAlmostEqual(got[2], (abs(cosine(30) - cosine(30)) + abs(cosine(30) - cosine(50))) / 2)

    def test_no_label_without_a_person_or_another_photo(self) -> None:
        lonely = faces((0, 1, 'a', 'a1', True), (5, 1, 'a', 'a1', False), (90, 1, 'b', 'b1', True), (9, 1, '', 'u', True))
        self.assertTrue(np.isnan(sdd_fiqa.labels(lonely, draws=4, rounds=1, seed=1)).all())
        self.assertTrue(np.isnan(sdd_fiqa.labels(TWO_PEOPLE, draws=4, rounds=1, seed=1)[5]))

    def test_the_seed_decides(self) -> None:
        random = np.random.default_rng(3)
        many = Faces(random.standard_normal((60, 8)), np.repeat(list('abcdef'), 10), np.arange(60).astype(str), np.full(60, True))
        first, again, other = (sdd_fiqa.labels(many, draws=4, rounds=2, seed=seed) for seed in (1, 1, 2))
        self.assertEqual(first.tolist(), again.tolist())
        self.assertNotEqual(first.tolist(), other.tolist())


class BestPhoto(unittest.TestCase):
    def test_similarity_to_the_longest_other_embedding(self) -> None:
        got = faceqnet.labels(TWO_PEOPLE)
        # a1 is the best of a, so a2 is compared with it; a1 itself and its copy with the next best.
        for row, angle in ((0, 30), (1, 30), (2, 30), (3, 20), (4, 20)):
            self.assertAlmostEqual(got[row], cosine(angle))
        self.assertTrue(np.isnan(got[5]))

    def test_the_longest_of_three_and_not_the_nearest(self) -> None:
        got = faceqnet.labels(faces((0, 3, 'a', 'a1', True), (50, 9, 'a', 'a2', True), (20, 6, 'a', 'a3', True)))
        for row, angle in ((0, 50), (1, 30), (2, 30)):
            self.assertAlmostEqual(got[row], cosine(angle))

    def test_a_degraded_copy_is_nobodys_best_photo(self) -> None:
        got = faceqnet.labels(faces((0, 1, 'a', 'a1', True), (10, 1, 'a', 'a2', True), (80, 99, 'a', 'a2', False)))
        self.assertAlmostEqual(got[0], cosine(10))
        self.assertAlmostEqual(got[2], cosine(80))


class ClassCentres(unittest.TestCase):
    def test_own_centre_without_the_photo_over_the_nearest_other(self) -> None:
        got = cr_fiqa.labels(TWO_PEOPLE)
        # b's centre lies at 100 degrees, a's at 15; own centre of a1 is a2.
        self.assertAlmostEqual(got[0], cosine(30) / (cosine(100) + 1 + 1e-9))
        self.assertAlmostEqual(got[2], cosine(30) / (cosine(40) + 1 + 1e-9))
        self.assertAlmostEqual(got[4], cosine(20) / (cosine(95) + 1 + 1e-9))
        self.assertTrue(np.isnan(got[5]))

    def test_a_person_with_one_photo_is_a_neighbour_but_has_no_label(self) -> None:
        got = cr_fiqa.labels(faces((0, 1, 'a', 'a1', True), (20, 1, 'a', 'a2', True), (50, 1, 'b', 'b1', True)))
        self.assertAlmostEqual(got[1], cosine(20) / (cosine(30) + 1 + 1e-9))
        self.assertTrue(np.isnan(got[2]))


class MatedPairsOfPhotos(unittest.TestCase):
    def test_pairs_are_of_one_person_and_of_two_photos(self) -> None:
        first, second, similarity = MatedPairs(TWO_PEOPLE).draw(500, np.random.default_rng(1))
        self.assertEqual(TWO_PEOPLE.person[first].tolist(), TWO_PEOPLE.person[second].tolist())
        self.assertFalse((TWO_PEOPLE.photo[first] == TWO_PEOPLE.photo[second]).any())
        pairs = set(zip(first.tolist(), second.tolist()))
        self.assertEqual(pairs, {(0, 1), (1, 0), (1, 2), (2, 1), (3, 4), (4, 3)})
        expected = {0: cosine(30), 1: cosine(30), 2: cosine(30), 3: cosine(20), 4: cosine(20)}
        for row, value in zip(first, similarity):
            self.assertAlmostEqual(value, expected[row])

    def test_nobody_with_two_photos(self) -> None:
        with self.assertRaises(RuntimeError):
            MatedPairs(faces((0, 1, 'a', 'a1', True), (9, 1, 'a', 'a1', False)))

    def test_the_worse_photo_answers_for_the_pair(self) -> None:
        task = PairTask(MatedPairs(TWO_PEOPLE), seed=1)
        answers = torch.tensor([3.0, 0.5, 2.0, 4.0])
        loss = task.loss(answers, torch.tensor([2.0, 1.5]))
        # min(3, 2) is right, min(.5, 4) is 1 too low.
        self.assertAlmostEqual(loss.item(), 0.5)

    def test_free_answers_find_the_worse_photos_quality(self) -> None:
        # cos(a, b) = min(quality) for a hub with spokes: quality of a spoke is its cosine with every better photo.
        hub = faces((0, 1, 'a', 'p0', True), (0.01, 1, 'a', 'p1', True), (60, 1, 'a', 'p2', True))
        task = PairTask(MatedPairs(hub), seed=1)
        answers = torch.zeros(3, requires_grad=True)
        optimiser = torch.optim.Adam([answers], 0.1)
        random = np.random.default_rng(1)
        for _ in range(200):
            rows, wanted = task.draw(32, random)
            optimiser.zero_grad()
            task.loss(answers[rows], wanted).backward()
            optimiser.step()
        found = answers.detach().numpy() * task.scale + task.middle
        self.assertAlmostEqual(float(found[2]), cosine(60), places=2)
        self.assertGreater(found[:2].min(), 0.97)


class OptimisedLabels(unittest.TestCase):
    ROWS = faces(
        (0, 1, 'a', 'a1', True), (40, 1, 'a', 'a2', True), (80, 1, 'a', 'a3', True), (90, 1, 'b', 'b1', True), (95, 1, '', 'u', True),
    )
    # Scaled: 1, .8, .4, 0, .6; the best 40 % are a1 and a2, whose centre lies at 20 degrees.
    SCORE = np.array([12.0, 10.0, 6.0, 2.0, 8.0])

    def test_labels_fall_with_the_distance_to_the_centre(self) -> None:
        got = ediffiqa.labels(self.ROWS, self.SCORE, share=0.4, epsilon=0.5, least=2)
        self.assertAlmostEqual(got[0], 1 - 0.5 * (1 - cosine(20)))
        self.assertAlmostEqual(got[1], 0.8 - 0.5 * (1 - cosine(20)))
        self.assertAlmostEqual(got[2], 0.4 - 0.5 * (1 - cosine(60)))

    def test_no_label_without_a_centre(self) -> None:
        got = ediffiqa.labels(self.ROWS, self.SCORE, share=0.4, epsilon=0.5, least=2)
        self.assertTrue(np.isnan(got[3:]).all())
        self.assertTrue(np.isnan(ediffiqa.labels(self.ROWS, self.SCORE, share=0.4, epsilon=0.5, least=3)).all())

    def test_labels_stay_between_0_and_1(self) -> None:
        got = ediffiqa.labels(self.ROWS, self.SCORE, share=0.4, epsilon=5, least=2)
        self.assertEqual(got[2], 0)


class Labels(unittest.TestCase):
    def test_only_rows_with_a_label_are_drawn_and_scaled(self) -> None:
        task = LabelTask(np.array([np.nan, 10.0, 30.0, np.nan]), np.full(4, True), None, beta=0)
        rows, wanted = task.draw(200, np.random.default_rng(1))
        self.assertEqual(set(rows.tolist()), {1, 2})
        self.assertEqual(wanted.tolist(), [-1.0 if row == 1 else 1.0 for row in rows])

    def test_beta_is_on_the_labels_own_scale(self) -> None:
        # Standard deviation 10: an error of 10 is 1 standardised, and with beta 20 still square: 1² / (2 · 2).
        square, plain = (LabelTask(np.array([10.0, 30.0]), np.full(2, True), None, beta) for beta in (20, 0))
        self.assertAlmostEqual(square.loss(torch.tensor([1.0]), torch.tensor([0.0])).item(), 0.25)
        self.assertAlmostEqual(plain.loss(torch.tensor([3.0]), torch.tensor([0.0])).item(), 3)

    def test_untouched_photos_have_their_share(self) -> None:
        natural = np.array([True] + [False] * 7)
        task = LabelTask(np.arange(8.0), natural, 0.6, beta=0)
        self.assertAlmostEqual(task.shares[0], 0.6)
        self.assertAlmostEqual(task.shares.sum(), 1)

    def test_no_label_at_all(self) -> None:
        with self.assertRaises(RuntimeError):
            LabelTask(np.full(3, np.nan), np.full(3, True), None, beta=0)


def small_chain() -> onnx.ModelProto:
    """SFace's kinds of layers, on 8 x 8 pixels."""
    random = np.random.default_rng(1)

    def weight(name: str, *shape: int, low: float = -0.5) -> onnx.TensorProto:
        return numpy_helper.from_array(random.uniform(low, 0.5 if low < 0 else 1.5, shape).astype(np.float32), name)

    def statistics(name: str, width: int) -> list[onnx.TensorProto]:
        return [weight(f'{name}_g', width), weight(f'{name}_b', width), weight(f'{name}_m', width), weight(f'{name}_v', width, low=0.5)]

    nodes = [
        helper.make_node('Sub', ['data', 'shift'], ['s']),
        helper.make_node('Mul', ['s', 'factor'], ['m']),
        helper.make_node('Conv', ['m', 'w1'], ['c1'], kernel_shape=[3, 3], pads=[1, 1, 1, 1], strides=[2, 2], group=1),
        helper.make_node('BatchNormalization', ['c1', 'n1_g', 'n1_b', 'n1_m', 'n1_v'], ['n1'], epsilon=1e-3),
        helper.make_node('PRelu', ['n1', 'slope'], ['p1']),
        helper.make_node('Conv', ['p1', 'w2'], ['c2'], kernel_shape=[3, 3], pads=[1, 1, 1, 1], group=4),
        helper.make_node('BatchNormalization', ['c2', 'n2_g', 'n2_b', 'n2_m', 'n2_v'], ['n2'], epsilon=1e-3),
        helper.make_node('Dropout', ['n2'], ['d'], ratio=0.4),
        helper.make_node('Flatten', ['d'], ['f']),
        helper.make_node('Gemm', ['f', 'w3', 'b3'], ['g'], alpha=1.0, beta=1.0, transB=1),
        helper.make_node('BatchNormalization', ['g', 'n3_g', 'n3_b', 'n3_m', 'n3_v'], ['out'], epsilon=2e-5),
    ]
    weights = [
        numpy_helper.from_array(np.array([127.5], np.float32), 'shift'), numpy_helper.from_array(np.array([1 / 128], np.float32), 'factor'),
        weight('w1', 4, 3, 3, 3), weight('slope', 4, 1, 1), weight('w2', 4, 1, 3, 3), weight('w3', 5, 64), weight('b3', 5),
        *statistics('n1', 4), *statistics('n2', 4), *statistics('n3', 5),
    ]
    graph = helper.make_graph(
        nodes, 'chain', [helper.make_tensor_value_info('data', TensorProto.FLOAT, ['N', 3, 8, 8])],
        [helper.make_tensor_value_info('out', TensorProto.FLOAT, ['N', 5])], weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 11)], ir_version=7)


def photo(seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (3, 8, 8)).astype(np.float32))


class ChainInTorch(unittest.TestCase):
    def test_same_answers_as_onnxruntime(self) -> None:
        chain = small_chain()
        session = onnxruntime.InferenceSession(chain.SerializeToString(), providers=['CPUExecutionProvider'])
        faces = torch.stack([photo(1), photo(2)])
        expected = session.run(None, {'data': faces.numpy()})[0]
        np.testing.assert_allclose(from_chain(chain)(faces).numpy(), expected, rtol=1e-4, atol=1e-5)

    def test_what_is_no_chain_is_refused(self) -> None:
        chain = small_chain()
        chain.graph.node[5].input[0] = 'n1'
        with self.assertRaises(ValueError):
            from_chain(chain)


class StochasticEmbeddings(unittest.TestCase):
    def test_formula(self) -> None:
        # Three unit vectors, one of them twice: distances 0, √2, √2.
        got = stability(torch.tensor([[1.0, 0.0], [5.0, 0.0], [0.0, 2.0]]))
        self.assertAlmostEqual(got, 2 / (1 + np.exp(2 * np.sqrt(2) / 3)))
        self.assertAlmostEqual(stability(torch.ones(4, 3)), 1)

    def test_drops_as_much_as_the_network_and_is_the_same_every_time(self) -> None:
        first = SerFiq(from_chain(small_chain()), passes=200, seed=1)
        self.assertAlmostEqual(float((first.masks == 0).float().mean()), 0.4, delta=0.02)
        self.assertAlmostEqual(float(first.masks.max()), 1 / 0.6, places=5)
        self.assertEqual(first(photo(1)), SerFiq(from_chain(small_chain()), passes=200, seed=1)(photo(1)))

    def test_nothing_dropped_is_perfectly_stable(self) -> None:
        chain = small_chain()
        chain.graph.node[7].attribute[0].f = 0.0
        self.assertAlmostEqual(SerFiq(from_chain(chain), passes=5, seed=1)(photo(1)), 1, places=6)


class Linear(nn.Module):
    """An embedding whose answer to noise is known: the mean of the red channel and a constant."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        red = x[:, 0].mean((1, 2))
        return torch.stack([red, torch.full_like(red, 100.0)], 1)


class AdversarialNoise(unittest.TestCase):
    def test_formula(self) -> None:
        similarities = np.array([[1.0, 0.8], [0.6, 0.4]])
        expected = ((1 + 0.7) / 2 * (1 - similarities.std()) * 0.9) ** 5
        self.assertAlmostEqual(aggregate(similarities, 0.9, 5), expected)

    def test_the_walk_goes_against_the_similarity_and_every_step_by_epsilon(self) -> None:
        face = torch.full((3, 8, 8), 100.0)
        model = Linear()
        attack = FaceQan(model, epsilon=4 / 255, steps=4, draws=3, exponent=5).attack(face, model(face[None]))
        red = 100 * torch.tan(torch.pi / 4 + torch.acos(attack[-1].double().clamp(max=1)))
        lower = 100 * torch.tan(torch.pi / 4 - torch.acos(attack[-1].double().clamp(max=1)))
        # After three steps of 4 the mean of red lies 12 above or below where the noise (of mean about 0) left it.
        moved = torch.minimum((red - 112).abs(), (lower - 88).abs())
        self.assertLess(float(moved.max()), 1.5)
        self.assertTrue((attack[1:] <= attack[:-1] + 1e-9).all())

    def test_same_face_same_score_and_copies_differ(self) -> None:
        sface = from_chain(small_chain())
        rival = FaceQan(sface, epsilon=0.05, steps=2, draws=4, exponent=5)
        self.assertEqual(rival(photo(1)), rival(photo(1)))
        quick = FaceQan(quick_to_attack(sface), epsilon=0.05, steps=2, draws=4, exponent=5)
        self.assertAlmostEqual(quick(photo(1)), rival(photo(1)), places=5)
        attack = rival.attack(photo(1), sface(photo(1)[None]))
        self.assertEqual(attack.shape, (2, 4))
        self.assertGreater(float(attack[0].std()), 0)


class GradientMagnitudes(unittest.TestCase):
    def test_gradient_by_hand(self) -> None:
        # One channel, identity normalisation: loss = mean² + (variance − 1)², dL/dx_i = (2 m + 4 (v − 1) (x_i − m)) / n.
        norm = nn.BatchNorm2d(1).eval().requires_grad_(False)
        face = torch.tensor([[[1.0, 2.0], [3.0, 6.0]]])
        mean, variance = 3.0, 3.5
        expected = sum(abs(2 * mean + 4 * (variance - 1) * (x - mean)) / 4 for x in (1.0, 2.0, 3.0, 6.0))
        rival = GraFiqs(nn.Sequential(norm), 'image')
        self.assertAlmostEqual(-rival(face), expected, places=4)

    def test_a_face_like_the_training_faces_pulls_at_nothing(self) -> None:
        norm = nn.BatchNorm2d(1).eval().requires_grad_(False)
        face = torch.tensor([[[1.0, -1.0], [-1.0, 1.0]]])
        self.assertAlmostEqual(GraFiqs(nn.Sequential(norm), 'image')(face), 0)

    def test_places_are_named_by_their_resolution(self) -> None:
        found = GraFiqs(from_chain(small_chain()), 4).gradients(photo(1))
        self.assertEqual(set(found), {'image', '4'})
        self.assertGreater(min(found.values()), 0)


class LearnedPeer(unittest.TestCase):
    def test_weights_under_the_packages_names(self) -> None:
        torch.manual_seed(1)
        model = QualityFace().eval()
        for layer in model.modules():
            # As torch leaves them, so little comes through that any face would do.
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight)
        published = {f'module.{"" if name.startswith("classify") else "backbone.backbone."}{name}': value for name, value in model.state_dict().items()}
        published |= {name.replace('backbone.backbone', 'backbone.net'): value for name, value in published.items()}
        # MobileNetV2's own count without its classifier, and one number of 1280 features.
        self.assertEqual(sum(p.numel() for p in model.parameters()), 2_223_872 + 1281)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / 'last.pth'
            torch.save(published, file)
            peer = load_qualityface(file)
            dark, light = (peer.score(torch.full((3, 112, 112), level)) for level in (30.0, 200.0))
            expected = model(torch.full((1, 3, 128, 128), 30 / 127.5 - 1)).item()
            self.assertAlmostEqual(dark, expected, delta=1e-4 * abs(expected))
            self.assertGreater(abs(dark - light), 1e-2 * abs(expected))


def bright_and_dark(count: int) -> Rows:
    """Two photos a person; the brighter one is the more like its fellow, and the longer its embedding."""
    random = np.random.default_rng(1)
    level = np.linspace(20, 235, count)
    crops = np.clip(level[:, None, None, None] + random.normal(0, 8, (count, 112, 112, 3)), 0, 255).astype(np.uint8)
    person = np.array([f'p{index % 4}' for index in range(count)])
    embedding = np.array([direction(120 * (1 - value / 255), value) for value in level])
    none = np.full(count, np.nan)
    return Rows(
        crops=[crops], part=np.zeros(count, int), index=np.arange(count), embedding=embedding, norm=level, own=none, gen=level / 255,
        target=none, tuned=none, likely=none, person=person, photo=np.arange(count).astype(str), natural=np.full(count, True), yaw=np.zeros(count),
    )


class Training(unittest.TestCase):
    # Fewer than 16 channels crash torch 2.13 in the backward pass (channels last, AVX-512).
    OWN = {
        'architecture': {'widths': [16, 16, 16, 16], 'blocks': [1, 1, 1, 1], 'features': 16}, 'sets': [], 'variants': [], 'batch': 8,
        'weight_decay': 0, 'ema': 0.9, 'validation': ['val.clean'],
    }
    CONFIG = {
        'seed': 1, 'minutes': 0, 'learning_rate': 3e-3, 'threads': 1, 'dtype': 'float32', 'device': 'cpu', 'checkpoint_minutes': 9,
        'resume': True, 'natural_share': None,
    }

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        rows = bright_and_dark(40)
        for name, value in (('FOLDER', Path(folder.name)), ('gather', lambda *_: rows), ('section', lambda _: self.OWN)):
            patch = mock.patch.object(trainer, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def test_learns_its_label_from_the_pixels(self) -> None:
        trainer.train('faceqnet', self.CONFIG | {'steps': 60})
        score = trainer.load_scorer('faceqnet')
        with torch.no_grad():
            dark, light = (score(torch.full((1, 3, 112, 112), level / 127.5 - 1))[0].item() for level in (40, 220))
        self.assertGreater(light, dark + 0.5)
        state = torch.load(trainer.weights_file('faceqnet'), weights_only=True)
        self.assertGreater(state['provenance']['rankCorrelationWithGenuineSimilarity']['val.clean'], 0.9)

    def test_goes_on_where_it_stopped(self) -> None:
        trainer.train('pcnet', self.CONFIG | {'steps': 4})
        self.assertTrue(trainer.finished('pcnet', self.CONFIG | {'steps': 4}))
        self.assertFalse(trainer.finished('pcnet', self.CONFIG | {'steps': 6}))
        before = torch.load(trainer.state_file('pcnet'), weights_only=True)
        trainer.train('pcnet', self.CONFIG | {'steps': 6})
        after = torch.load(trainer.state_file('pcnet'), weights_only=True)
        self.assertEqual((before['step'], after['step']), (4, 6))
        self.assertGreater(after['spent'], before['spent'])
        # Two steps from where it was, not six from nothing.
        self.assertEqual(after['optimiser']['state'][0]['step'].item(), 6)
        steps = [line.split(',')[1] for line in (trainer.FOLDER / 'pcnet.csv').read_text().splitlines()]
        self.assertEqual(steps, ['step', '4', '6'])


    def test_another_network_is_not_mixed_in(self) -> None:
        trainer.train('pcnet', self.CONFIG | {'steps': 1})
        other = self.OWN | {'architecture': self.OWN['architecture'] | {'features': 32}}
        with mock.patch.object(trainer, 'section', lambda _: other):
            with self.assertRaises(SystemExit):
                trainer.finished('pcnet', self.CONFIG | {'steps': 1})
            self.assertFalse(trainer.finished('pcnet', self.CONFIG | {'steps': 1, 'resume': False}))

    def test_the_best_checkpoint_scores(self) -> None:
        ranks = iter([0.5, 0.9, 0.2, 0.3])
        with mock.patch.object(trainer, 'rank_correlation', lambda *_: next(ranks)):
            trainer.train('faceqnet', self.CONFIG | {'steps': 3, 'checkpoint_minutes': 0})
        best = torch.load(trainer.weights_file('faceqnet'), weights_only=True)
        last = torch.load(trainer.state_file('faceqnet'), weights_only=True)
        self.assertEqual(best['provenance']['steps'], 2)
        self.assertEqual((last['step'], last['best']), (3, 0.9))
        self.assertEqual(list(ranks), [])

    def test_validation_costs_no_minutes(self) -> None:
        seconds = iter([10.0, 13.0, 20.0, 21.0])
        with mock.patch.object(trainer, 'time', SimpleNamespace(process_time=lambda: next(seconds))):
            clock = trainer.TrainingClock()
            self.assertEqual(clock(), 10)
            with clock.pause():
                pass
            self.assertEqual(clock(), 14)


class ScoreFiles(unittest.TestCase):
    def test_scores_what_is_missing_and_nothing_twice(self) -> None:
        rows = [{'i': index, 'file': f'{index}.jpg', 'person': 'p'} for index in (2, 0, 1)]
        crops = np.stack([np.full((112, 112, 3), level, np.uint8) for level in (10, 20, 30)])
        source = CropSet('set', 'clean', crops, rows)
        asked: list[float] = []

        def level(face: torch.Tensor) -> float:
            asked.append(face.max().item())
            return asked[-1]

        with tempfile.TemporaryDirectory() as folder, mock.patch.object(scoring, 'FOLDER', Path(folder)):
            (Path(folder) / 'rival').mkdir()
            np.save(Path(folder) / 'rival' / 'set.clean@v.npy', np.array([np.nan, 7.0, np.nan]))
            self.assertEqual(scoring.score_set('rival', 'v', level, source).tolist(), [30, 10, 7])
            self.assertEqual(asked, [10, 30])
            # Other weights or settings: from nothing.
            self.assertEqual(scoring.score_set('rival', 'w', level, source).tolist(), [30, 10, 20])
            with self.assertRaises(RuntimeError):
                scoring.score_set('rival', 'x', lambda _face: float('nan'), source)

    def test_there_and_back(self) -> None:
        rows = [{'i': 1, 'file': 'Ann/1.jpg', 'person': 'Ann'}, {'i': -1, 'file': 'Ann/2, b.jpg', 'person': 'Ann'}, {'i': 0, 'file': 'Bo/1.jpg', 'person': 'Bo'}]
        source = CropSet('set', 'clean', np.zeros((2, 112, 112, 3), np.uint8), rows)
        scores = source.spread(np.array([0.25, -1 / 3]))
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / 'scores.csv'
            write_csv(file, source, scores)
            self.assertEqual(file.read_text().splitlines()[:3], ['file,score', 'Ann/1.jpg,-0.33333333', '"Ann/2, b.jpg",'])
            np.testing.assert_allclose(read_csv(file, source), scores, rtol=1e-7)


if __name__ == '__main__':
    unittest.main()
