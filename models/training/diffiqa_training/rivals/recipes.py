"""The rivals that are trained: what each is taught. Backbone, photos and minutes are the same for all."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..label_rows import Rows
from ..teacher import embedding_inputs, predict_out_of_fold
from . import cr_fiqa, ediffiqa, faceqnet, sdd_fiqa
from .faces import Faces
from .pcnet import MatedPairs
from .tasks import LabelTask, PairTask, Task


@dataclass(frozen=True)
class Recipe:
    title: str
    task: Callable[[Rows, dict], Task]
    # Share of the loss that keeps the student's embedding near SFace's (eDifFIQA's representation consistency).
    consistency: float = 0.0
    # Needs DifFIQA's labels of the training crops.
    needs_labels: bool = False


def to_percent(label: np.ndarray) -> np.ndarray:
    return 100 * (label - np.nanmin(label)) / (np.nanmax(label) - np.nanmin(label))


def label_task(rows: Rows, label: np.ndarray, config: dict, beta: float = 0) -> Task:
    return LabelTask(label, rows.natural, config['natural_share'], beta)


def sdd_task(rows: Rows, config: dict) -> Task:
    # Published on a scale of 0..100 with a Huber loss of delta 1.
    label = to_percent(sdd_fiqa.labels(Faces.of(rows), seed=config['seed'], **config['sdd_fiqa']))
    return label_task(rows, label, config, beta=1)


def cr_task(rows: Rows, config: dict) -> Task:
    return label_task(rows, cr_fiqa.labels(Faces.of(rows)), config, beta=0.5)


def faceqnet_task(rows: Rows, config: dict) -> Task:
    return label_task(rows, faceqnet.labels(Faces.of(rows)), config)


def pcnet_task(rows: Rows, config: dict) -> Task:
    return PairTask(MatedPairs(Faces.of(rows)), config['seed'])


def full_score(rows: Rows, config: dict) -> np.ndarray:
    """Tuned full DifFIQA: measured on part of the crops by the label step, predicted from SFace's embedding elsewhere."""
    predicted = predict_out_of_fold(embedding_inputs(rows.embedding), rows.tuned[:, None], rows.person, config['folds'], config['seed'], config['epochs'])[:, 0]
    return np.where(np.isfinite(rows.tuned), rows.tuned, predicted)


def ediffiqa_task(rows: Rows, config: dict) -> Task:
    label = ediffiqa.labels(Faces.of(rows), full_score(rows, config), **config['ediffiqa'])
    return label_task(rows, label, config)


def own_task(rows: Rows, config: dict) -> Task:
    return label_task(rows, rows.target, config)


RECIPES: dict[str, Recipe] = {
    'sdd_fiqa': Recipe('recipe of SDD-FIQA', sdd_task),
    'pcnet': Recipe('recipe of PCNet', pcnet_task),
    'cr_fiqa': Recipe('recipe of CR-FIQA', cr_task),
    'faceqnet': Recipe('recipe of FaceQnet', faceqnet_task),
    'ediffiqa': Recipe('recipe of eDifFIQA', ediffiqa_task, consistency=0.5, needs_labels=True),
    # No rival: what DifFIQA(R) itself becomes in the same minutes, so that labels are compared with labels.
    'own_labels': Recipe("DifFIQA(R)'s labels, the rivals' training", own_task, needs_labels=True),
}
